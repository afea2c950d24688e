// How fast the run goes: a typical step, and how long the rest will take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace kumiko {

class StepRates {
 public:
  // `step_seconds`: the step alone. `elapsed_seconds`: since the end of the step before, with evaluation, saving and
  // whatever else happened in between.
  void add(double step_seconds, double elapsed_seconds);

  // The median of the last 21 steps, so that one slow step does not show as a change of speed. 0 before the first.
  double typical_step_seconds() const;

  // From a mean of the elapsed times in which a step's weight falls by 2 % with each later one. The first step, which
  // touches all memory for the first time, counts only until there is another. 0 before the first.
  double remaining_seconds(int64_t steps_left) const;

 private:
  std::deque<double> recent_;
  int64_t num_steps_ = 0;
  double weighted_sum_ = 0;
  double weight_ = 0;
};

}  // namespace kumiko
