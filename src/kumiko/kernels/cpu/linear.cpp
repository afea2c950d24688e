#include "kumiko/kernels/cpu/linear.h"

#include "kumiko/base/error.h"
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

void LinearProducts::refuse_terms() const {
  throw_user(
      "train.linear_backend: {} cannot sum a product's terms in blocks, as train.reproducible = true needs; leave "
      "linear_backend out, or set it to native",
      description());
}

void LinearProducts::forward_terms(const Tensor&, const PreparedWeight&, const ProductTerms&, const Tensor&,
                                   const Tensor&, Write) {
  refuse_terms();
}

void LinearProducts::backward_input_terms(const Tensor&, const PreparedWeight&, const ProductTerms&, const Tensor&,
                                          Write) {
  refuse_terms();
}

const Shape& weight_shape(const PreparedWeight& weight) { return plain_weight(weight).shape(); }

}  // namespace kumiko::cpu
