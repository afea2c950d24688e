#include "kumiko/optim/update_copy.h"

#include <utility>

namespace kumiko {

UpdateCopy::UpdateCopy(std::vector<Tensor> weights, const Optimizer& optimizer, MemoryPool& pool)
    : originals_(std::move(weights)) {
  for (const OptimizerState& state : optimizer.state()) originals_.push_back(state.tensor);
  if (originals_.empty()) return;
  std::vector<Shape> shapes;
  for (const Tensor& tensor : originals_) shapes.push_back(tensor.shape());
  FlatTensors made = allocate_flat(pool, shapes, originals_.front().dtype(), MemoryPurpose::optimizer);
  fill_zero(made.flat);
  copies_ = std::move(made.tensors);
}

void UpdateCopy::take() const {
  for (size_t i = 0; i < originals_.size(); ++i) copy_in_parallel(originals_[i], copies_[i]);
}

void UpdateCopy::restore() const {
  for (size_t i = 0; i < originals_.size(); ++i) copy_in_parallel(copies_[i], originals_[i]);
}

int64_t copied_per_weight(const OptimizerOptions& options) { return 1 + states_per_weight(options); }

}  // namespace kumiko
