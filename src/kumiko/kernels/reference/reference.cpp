// Chooses the element type and calls the naive statement of each kernel.
#include "kumiko/base/error.h"
#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/reference/activation.h"
#include "kumiko/kernels/reference/attention.h"
#include "kumiko/kernels/reference/elementwise.h"
#include "kumiko/kernels/reference/linear.h"
#include "kumiko/kernels/reference/normalization.h"
#include "kumiko/kernels/reference/rotary.h"
#include "kumiko/kernels/reference/vocabulary.h"

namespace kumiko {
namespace {

// A copy, so that a weight that was changed and not prepared again shows here as it does in a fast implementation.
struct ReferenceWeight : PreparedWeight {
  Tensor copy;
};

const Tensor& tensor_of(const PreparedWeight& weight) {
  const auto* known = dynamic_cast<const ReferenceWeight*>(&weight);
  if (known == nullptr) throw_internal("a weight prepared by other kernels was given to the reference");
  return known->copy;
}

// Calls `function` with a value of the tensor's element type.
template <class Function>
auto with_type(const Tensor& tensor, Function function) {
  if (tensor.dtype() == DType::f64) return function(double{});
  if (tensor.dtype() == DType::f32) return function(float{});
  throw_internal("reference kernels know f32 and f64, not {}", name_of(tensor.dtype()));
}

class ReferenceKernels : public Kernels {
 public:
  std::string description() const override { return "reference (1 thread)"; }
  int num_threads() const override { return 1; }

  std::unique_ptr<PreparedWeight> prepare_weight(const Tensor& weight, std::unique_ptr<PreparedWeight>) override {
    auto prepared = std::make_unique<ReferenceWeight>();
    prepared->copy = Tensor::empty(*pool_, weight.shape(), weight.dtype(), MemoryPurpose::workspace);
    copy(weight, prepared->copy);
    return prepared;
  }

  void linear_forward(const Tensor& x, const PreparedWeight& prepared, const Tensor& bias, const Tensor& y,
                      Write write) override {
    const Tensor& weight = tensor_of(prepared);
    arguments::check_linear("linear_forward", x, weight.shape(), bias, y);
    with_type(x, [&]<class Real>(Real) { reference::linear_forward<Real>(x, weight, bias, y, write); });
  }
  void linear_backward_input(const Tensor& dy, const PreparedWeight& prepared, const Tensor& dx, Write write) override {
    const Tensor& weight = tensor_of(prepared);
    arguments::check_linear("linear_backward_input", dx, weight.shape(), {}, dy);
    with_type(dy, [&]<class Real>(Real) { reference::linear_backward_input<Real>(dy, weight, dx, write); });
  }
  void linear_forward_terms(const Tensor& x, const PreparedWeight& prepared, const ProductTerms& terms,
                            const Tensor& bias, const Tensor& y, Write write) override {
    const Tensor& weight = tensor_of(prepared);
    arguments::check_linear_terms("linear_forward_terms", x, terms, weight.shape()[1], weight.shape()[0], bias, y);
    with_type(x, [&]<class Real>(Real) { reference::linear_forward_terms<Real>(x, weight, terms, bias, y, write); });
  }
  void linear_backward_input_terms(const Tensor& dy, const PreparedWeight& prepared, const ProductTerms& terms,
                                   const Tensor& dx, Write write) override {
    const Tensor& weight = tensor_of(prepared);
    arguments::check_linear_terms("linear_backward_input_terms", dy, terms, weight.shape()[0], weight.shape()[1], {},
                                  dx);
    with_type(dy,
              [&]<class Real>(Real) { reference::linear_backward_input_terms<Real>(dy, weight, terms, dx, write); });
  }
  void linear_backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight, const Tensor& dbias) override {
    arguments::check_linear_gradient("linear_backward_weight", x, dy, dweight, dbias);
    with_type(x, [&]<class Real>(Real) { reference::linear_backward_weight<Real>(x, dy, dweight, dbias); });
  }
  void linear_gelu_forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& pre,
                           const Tensor& y) override {
    linear_forward(x, weight, bias, pre, Write::overwrite);
    gelu_forward(pre, y);
  }
  void linear_gelu_backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& pre,
                                  const Tensor& dpre) override {
    linear_backward_input(dy, weight, dpre, Write::overwrite);
    gelu_backward(pre, dpre, dpre);
  }
  void linear_gelu_backward_weight(const Tensor& pre, const Tensor& dy, const Tensor& dweight,
                                   const Tensor& dbias) override {
    const Tensor activated = Tensor::empty(*pool_, pre.shape(), pre.dtype(), MemoryPurpose::workspace);
    gelu_forward(pre, activated);
    linear_backward_weight(activated, dy, dweight, dbias);
  }

  void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                         const HeadsView& out, const Tensor& log_sum_exp) override {
    arguments::check_attention("attention_forward", shape, q, k, v, out, log_sum_exp);
    with_type(q.tensor,
              [&]<class Real>(Real) { reference::attention_forward<Real>(shape, q, k, v, out, log_sum_exp); });
  }
  void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                          const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout, const HeadsView& dq,
                          const HeadsView& dk, const HeadsView& dv) override {
    arguments::check_attention_backward(shape, q, k, v, out, log_sum_exp, dout, dq, dk, dv);
    with_type(q.tensor, [&]<class Real>(Real) {
      reference::attention_backward<Real>(shape, q, k, v, out, log_sum_exp, dout, dq, dk, dv);
    });
  }

  void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                          const Tensor& mean, const Tensor& rstd) override {
    arguments::check_layer_norm(x, gamma, beta, y, mean, rstd);
    with_type(x, [&]<class Real>(Real) { reference::layer_norm_forward<Real>(x, gamma, beta, eps, y, mean, rstd); });
  }
  void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean,
                           const Tensor& rstd, const Tensor& dx, Write write, const Tensor& dgamma,
                           const Tensor& dbeta) override {
    arguments::check_layer_norm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta);
    with_type(x, [&]<class Real>(Real) {
      reference::layer_norm_backward<Real>(dy, x, gamma, mean, rstd, dx, write, dgamma, dbeta);
    });
  }
  void rms_norm_forward(const Tensor& x, const Tensor& gamma, double eps, const Tensor& y,
                        const Tensor& rstd) override {
    arguments::check_rms_norm(x, gamma, y, rstd);
    with_type(x, [&]<class Real>(Real) { reference::rms_norm_forward<Real>(x, gamma, eps, y, rstd); });
  }
  void rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd, const Tensor& dx,
                         Write write, const Tensor& dgamma) override {
    arguments::check_rms_norm_backward(dy, x, gamma, rstd, dx, dgamma);
    with_type(x, [&]<class Real>(Real) { reference::rms_norm_backward<Real>(dy, x, gamma, rstd, dx, write, dgamma); });
  }
  void swiglu_forward(const Tensor& x, const Tensor& y) override {
    arguments::check_swiglu("swiglu_forward", x, y);
    with_type(x, [&]<class Real>(Real) { reference::swiglu_forward<Real>(x, y); });
  }
  void swiglu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) override {
    arguments::check_swiglu("swiglu_backward", x, dy);
    arguments::check_same("swiglu_backward", x, dx);
    with_type(x, [&]<class Real>(Real) { reference::swiglu_backward<Real>(x, dy, dx); });
  }
  void rotate(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine,
              bool inverse) override {
    arguments::check_rotary(shape, x, cosine, sine);
    with_type(x.tensor, [&]<class Real>(Real) { reference::rotate<Real>(shape, x, cosine, sine, inverse); });
  }
  void gelu_forward(const Tensor& x, const Tensor& y) override {
    arguments::check_same("gelu_forward", x, y);
    with_type(x, [&]<class Real>(Real) { reference::gelu_forward<Real>(x, y); });
  }
  void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) override {
    arguments::check_same("gelu_backward", x, dy);
    arguments::check_same("gelu_backward", x, dx);
    with_type(x, [&]<class Real>(Real) { reference::gelu_backward<Real>(x, dy, dx); });
  }

  void embedding_forward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token,
                         const Tensor& token_table, const Tensor& position_table, const Tensor& y) override {
    arguments::check_embedding("embedding_forward", tokens, places, token_table, position_table, y);
    with_type(y, [&]<class Real>(Real) {
      reference::embedding_forward<Real>(tokens, places, first_token, token_table, position_table, y);
    });
  }
  void embedding_backward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& dy,
                          const Tensor& dtoken_table, const Tensor& dposition_table) override {
    arguments::check_embedding("embedding_backward", tokens, places, dtoken_table, dposition_table, dy);
    with_type(dy, [&]<class Real>(Real) {
      reference::embedding_backward<Real>(tokens, places, first_token, dy, dtoken_table, dposition_table);
    });
  }
  void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                                const Tensor& max, const Tensor& sum, const Tensor& target_logit) override {
    arguments::check_cross_entropy("cross_entropy_statistics", logits, targets, num_valid, max, sum);
    arguments::check_same("cross_entropy_statistics", sum, target_logit);
    with_type(logits, [&]<class Real>(Real) {
      reference::cross_entropy_statistics<Real>(logits, targets, first_token, num_valid, max, sum, target_logit);
    });
  }
  void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                              const Tensor& max, const Tensor& sum, double scale) override {
    arguments::check_cross_entropy("cross_entropy_gradient", logits, targets, num_valid, max, sum);
    with_type(logits, [&]<class Real>(Real) {
      reference::cross_entropy_gradient<Real>(logits, targets, first_token, num_valid, max, sum, scale);
    });
  }

  void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write) override {
    arguments::check_dropout(mask);
    arguments::check_same("dropout", x, y);
    with_type(x, [&]<class Real>(Real) { reference::dropout<Real>(mask, x, y, write); });
  }
  void add(const Tensor& x, const Tensor& y) override {
    arguments::check_same("add", x, y);
    with_type(x, [&]<class Real>(Real) { reference::add<Real>(x, y); });
  }
  void scale(const Tensor& x, double factor) override {
    with_type(x, [&]<class Real>(Real) { reference::scale<Real>(x, factor); });
  }
  double sum_of_squares(const Tensor& x) override {
    return with_type(x, [&]<class Real>(Real) { return reference::sum_of_squares<Real>(x); });
  }
  void add_squares(const Tensor& x, ExactSum& sum) override {
    with_type(x, [&]<class Real>(Real) { reference::add_squares<Real>(x, sum); });
  }

  void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient, const Tensor& first_moment,
             const Tensor& second_moment) override {
    for (const Tensor* other : {&gradient, &first_moment, &second_moment})
      arguments::check_same("adamw", weight, *other);
    with_type(weight, [&]<class Real>(Real) {
      reference::adamw<Real>(constants, weight, gradient, first_moment, second_moment);
    });
  }
  void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
           const Tensor& gradient, const Tensor& velocity) override {
    arguments::check_same("sgd", weight, gradient);
    if (velocity) arguments::check_same("sgd", weight, velocity);
    with_type(weight, [&]<class Real>(Real) {
      reference::sgd<Real>(lr, momentum, weight_decay, gradient_scale, weight, gradient, velocity);
    });
  }

 private:
  std::shared_ptr<MemoryPool> pool_ = MemoryPool::create();
};

}  // namespace

std::unique_ptr<Kernels> make_reference_kernels() { return std::make_unique<ReferenceKernels>(); }

}  // namespace kumiko
