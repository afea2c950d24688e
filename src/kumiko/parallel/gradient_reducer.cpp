#include "kumiko/parallel/gradient_reducer.h"

namespace kumiko {

void GradientReducer::unit_ready(int unit) {
  if (data_.size() == 1) return;
  pending_.push_back(data_.all_reduce(parameters_.unit_gradients(unit), ReduceOp::sum, "gradients"));
}

void GradientReducer::wait() {
  for (const Event& event : pending_) event.wait();
  pending_.clear();
}

}  // namespace kumiko
