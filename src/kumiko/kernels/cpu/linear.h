// Linear layers by oneDNN matmul. Weights are laid out once, in whatever layout each product wants, and kept.
#pragma once

#include <memory>

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

class Linear {
 public:
  Linear(std::shared_ptr<MemoryPool> pool, int num_threads);
  ~Linear();

  // See Kernels for shapes. `weight` must come from prepare().
  std::unique_ptr<PreparedWeight> prepare(const Tensor& weight, std::unique_ptr<PreparedWeight> previous);
  void forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y, Write write);
  void backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write);
  // Without the bias.
  void backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight);

  static const Shape& shape_of(const PreparedWeight& weight);
  static std::string library_version();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kumiko::cpu
