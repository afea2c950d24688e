#include "kumiko/optim/optimizer.h"

#include <algorithm>
#include <utility>

namespace kumiko {
namespace {

// State of the shape of each tensor, zero, cut from one block: a block each would end in part of a huge page.
std::vector<Tensor> make_state(const std::vector<OptimizedTensor>& tensors, MemoryPool& pool) {
  if (tensors.empty()) return {};
  std::vector<Shape> shapes;
  for (const OptimizedTensor& tensor : tensors) shapes.push_back(tensor.weight.shape());
  FlatTensors made = allocate_flat(pool, shapes, tensors.front().weight.dtype(), MemoryPurpose::optimizer);
  fill_zero(made.flat);
  return std::move(made.tensors);
}

class AdamW final : public Optimizer {
 public:
  AdamW(const OptimizerOptions& options, std::vector<OptimizedTensor> tensors, MemoryPool& pool)
      : options_(options),
        tensors_(std::move(tensors)),
        first_moments_(make_state(tensors_, pool)),
        second_moments_(make_state(tensors_, pool)) {}

  void update(Kernels& kernels, int64_t step, double lr, double gradient_scale) override {
    AdamWConstants constants{lr, options_.adam_beta1, options_.adam_beta2, options_.adam_eps, 0, step, gradient_scale};
    for (size_t i = 0; i < tensors_.size(); ++i) {
      constants.weight_decay = tensors_[i].decay ? options_.weight_decay : 0;
      kernels.adamw(constants, tensors_[i].weight, tensors_[i].gradient, first_moments_[i], second_moments_[i]);
    }
  }

  std::vector<OptimizerState> state() const override {
    std::vector<OptimizerState> states;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      states.push_back({"first_moment", i, first_moments_[i]});
      states.push_back({"second_moment", i, second_moments_[i]});
    }
    return states;
  }

 private:
  OptimizerOptions options_;
  std::vector<OptimizedTensor> tensors_;
  std::vector<Tensor> first_moments_;
  std::vector<Tensor> second_moments_;
};

class Sgd final : public Optimizer {
 public:
  Sgd(const OptimizerOptions& options, std::vector<OptimizedTensor> tensors, MemoryPool& pool)
      : options_(options), tensors_(std::move(tensors)), velocities_(tensors_.size()) {
    if (options.sgd_momentum != 0) velocities_ = make_state(tensors_, pool);
  }

  void update(Kernels& kernels, int64_t, double lr, double gradient_scale) override {
    for (size_t i = 0; i < tensors_.size(); ++i) {
      kernels.sgd(lr, options_.sgd_momentum, tensors_[i].decay ? options_.weight_decay : 0, gradient_scale,
                  tensors_[i].weight, tensors_[i].gradient, velocities_[i]);
    }
  }

  std::vector<OptimizerState> state() const override {
    std::vector<OptimizerState> states;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      if (velocities_[i]) states.push_back({"velocity", i, velocities_[i]});
    }
    return states;
  }

 private:
  OptimizerOptions options_;
  std::vector<OptimizedTensor> tensors_;
  std::vector<Tensor> velocities_;
};

}  // namespace

int64_t states_per_weight(const OptimizerOptions& options) {
  if (options.optimizer == OptimizerKind::sgd) return options.sgd_momentum == 0 ? 0 : 1;
  return 2;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<OptimizedTensor> tensors,
                                          MemoryPool& pool) {
  if (options.optimizer == OptimizerKind::sgd) return std::make_unique<Sgd>(options, std::move(tensors), pool);
  return std::make_unique<AdamW>(options, std::move(tensors), pool);
}

double clip_coefficient(double norm, double clip_grad) {
  return clip_grad == 0 ? 1 : std::min(1.0, clip_grad / (norm + 1e-6));
}

}  // namespace kumiko
