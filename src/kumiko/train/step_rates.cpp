#include "kumiko/train/step_rates.h"

#include <algorithm>
#include <vector>

namespace kumiko {

void StepRates::add(double step_seconds, double elapsed_seconds) {
  constexpr size_t window = 21;
  constexpr double decay = 0.98;
  recent_.push_back(step_seconds);
  if (recent_.size() > window) recent_.pop_front();
  if (++num_steps_ == 2) weighted_sum_ = weight_ = 0;
  weighted_sum_ = decay * weighted_sum_ + elapsed_seconds;
  weight_ = decay * weight_ + 1;
}

double StepRates::typical_step_seconds() const {
  if (recent_.empty()) return 0;
  std::vector<double> sorted(recent_.begin(), recent_.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double StepRates::remaining_seconds(int64_t steps_left) const {
  return weight_ == 0 ? 0 : weighted_sum_ / weight_ * static_cast<double>(steps_left);
}

}  // namespace kumiko
