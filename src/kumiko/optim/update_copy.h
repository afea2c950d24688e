// What an update changes, as it was before: AdamW cannot be undone exactly by arithmetic, as each of its results is
// rounded, so an update that may have to be undone needs a copy.
#pragma once

#include <vector>

#include "kumiko/optim/optimizer.h"

namespace kumiko {

class UpdateCopy {
 public:
  // Of these weights and of all that the optimizer keeps; as much memory of `pool`, for as long as it lives.
  UpdateCopy(std::vector<Tensor> weights, const Optimizer& optimizer, MemoryPool& pool);

  // Copies the present values.
  void take() const;
  // Puts back those that were taken last.
  void restore() const;

 private:
  std::vector<Tensor> originals_;
  std::vector<Tensor> copies_;
};

// Numbers that an UpdateCopy keeps for each parameter.
int64_t copied_per_weight(const OptimizerOptions& options);

}  // namespace kumiko
