#include "kumiko/kernels/cpu/linear.h"

#include "kumiko/kernels/cpu/activation.h"
#include "kumiko/kernels/cpu/prepared.h"

namespace kumiko::cpu {

void LinearProducts::forward_gelu(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& pre,
                                  const Tensor& y) {
  forward(x, weight, bias, pre, Write::overwrite);
  gelu_forward(pre, y, num_threads_);
}

void LinearProducts::backward_input_gelu(const Tensor& dy, const PreparedWeight& weight, const Tensor& pre,
                                         const Tensor& dpre) {
  backward_input(dy, weight, dpre, Write::overwrite);
  gelu_backward(pre, dpre, dpre, num_threads_);
}

void LinearProducts::backward_weight_gelu(const Tensor& pre, const Tensor& dy, const Tensor& dweight) {
  const Tensor activated = Tensor::empty(*pool_, pre.shape(), pre.dtype(), MemoryPurpose::workspace);
  gelu_forward(pre, activated, num_threads_);
  backward_weight(activated, dy, dweight);
}

const Shape& weight_shape(const PreparedWeight& weight) { return plain_weight(weight).shape(); }

}  // namespace kumiko::cpu
