// Optimizers over the tensors a rank owns. They know tensors, not models: what a tensor is called, and which part of a
// parameter it holds, is its owner's business.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kumiko/kernels/kernels.h"
#include "kumiko/optim/options.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

struct OptimizedTensor {
  Tensor weight;
  Tensor gradient;
  bool decay = false;
};

// What an optimizer remembers of one tensor: same shape as its weight.
struct OptimizerState {
  std::string name;  // "first_moment"
  size_t index;      // of the tensor
  Tensor tensor;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // One update with the gradients as they are, times `gradient_scale`. `step` counts updates from 1.
  virtual void update(Kernels& kernels, int64_t step, double lr, double gradient_scale) = 0;
  virtual std::vector<OptimizerState> state() const = 0;
};

// Numbers that make_optimizer will keep for each parameter.
int64_t states_per_weight(const OptimizerOptions& options);

// State starts at zero, in memory of `pool`.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<OptimizedTensor> tensors,
                                          MemoryPool& pool);

// What a gradient of global norm `norm` is multiplied by so that its norm is at most `clip_grad` (0: no limit).
// Pascanu et al. 2013; with torch.nn.utils.clip_grad_norm_'s 1e-6 in the denominator.
double clip_coefficient(double norm, double clip_grad);

}  // namespace kumiko
