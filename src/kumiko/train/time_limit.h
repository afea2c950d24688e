// train.exit_duration_in_mins: when a run must save and stop so that both are done before its time is up.
#pragma once

#include <algorithm>

namespace kumiko {

// All times in seconds of one clock.
class TimeLimit {
 public:
  // `minutes` from `start`, 0 for no limit. `save_seconds`: what a save may take, as long as none was seen.
  TimeLimit(double minutes, double start, double save_seconds)
      : seconds_(60 * minutes), start_(start), save_seconds_(save_seconds) {}

  void begin_step(double now) { step_begin_ = now; }
  // The step is through; what follows, such as a validation, is interrupted more often than once a step.
  void end_step(double now) {
    longest_step_ = std::max(longest_step_, now - step_begin_);
    step_begin_ = now;
  }
  // The longest save so far; 0 if there was none.
  void note_longest_save(double seconds) {
    if (seconds > 0) save_seconds_ = seconds;
  }

  // Whether another step of the longest kind and a save of twice the longest time would end too late.
  bool reached(double now) const {
    if (seconds_ <= 0) return false;
    return now + longest_step_ + 2 * save_seconds_ >= start_ + seconds_;
  }
  // The same within a step, which may be longer than any before.
  bool reached_in_step(double now) const {
    if (seconds_ <= 0) return false;
    return now + std::max(longest_step_, now - step_begin_) + 2 * save_seconds_ >= start_ + seconds_;
  }

 private:
  double seconds_;
  double start_;
  double save_seconds_;
  double longest_step_ = 0;
  double step_begin_ = 0;
};

}  // namespace kumiko
