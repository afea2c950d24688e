// The class that ties the fast kernels together: checks the arguments, then calls the family that does the work.
#include <fmt/core.h>

#include "kumiko/base/error.h"
#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/cpu/linear.h"
#include "kumiko/kernels/reference/attention.h"
#include "kumiko/kernels/reference/elementwise.h"
#include "kumiko/kernels/reference/normalization.h"
#include "kumiko/kernels/reference/vocabulary.h"

namespace kumiko {
namespace {

class CpuKernels : public Kernels {
 public:
  CpuKernels(const std::shared_ptr<MemoryPool>& pool, int num_threads)
      : num_threads_(num_threads), linear_(pool, num_threads) {}

  std::string description() const override {
    return fmt::format("cpu ({}, {} thread{})", cpu::Linear::library_version(), num_threads_,
                       num_threads_ == 1 ? "" : "s");
  }
  int num_threads() const override { return num_threads_; }

  std::unique_ptr<PreparedWeight> prepare_weight(const Tensor& weight,
                                                 std::unique_ptr<PreparedWeight> previous) override {
    return linear_.prepare(weight, std::move(previous));
  }
  void linear_forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
                      Write write) override {
    arguments::check_linear("linear_forward", x, cpu::Linear::shape_of(weight), DType::f32, bias, y);
    linear_.forward(x, weight, bias, y, write);
  }
  void linear_backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) override {
    arguments::check_linear("linear_backward_input", dx, cpu::Linear::shape_of(weight), DType::f32, {}, dy);
    linear_.backward_input(dy, weight, dx, write);
  }
  void linear_backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight, const Tensor& dbias) override {
    arguments::check_linear("linear_backward_weight", x, dweight.shape(), DType::f32, dbias, dy);
    linear_.backward_weight(x, dy, dweight);
    if (!dbias) return;
    const int64_t columns = dy.shape().last();
    for (int64_t t = 0; t < dy.shape().num_rows(); ++t) {
      for (int64_t n = 0; n < columns; ++n) dbias.data<float>()[n] += dy.data<float>()[t * columns + n];
    }
  }

  void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                         const HeadsView& out, const Tensor& log_sum_exp) override {
    arguments::check_attention("attention_forward", shape, q, k, v, out, log_sum_exp);
    reference::attention_forward<float>(shape, q, k, v, out, log_sum_exp);
  }
  void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                          const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout, const HeadsView& dq,
                          const HeadsView& dk, const HeadsView& dv) override {
    arguments::check_attention_backward(shape, q, k, v, out, log_sum_exp, dout, dq, dk, dv);
    reference::attention_backward<float>(shape, q, k, v, out, log_sum_exp, dout, dq, dk, dv);
  }

  void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                          const Tensor& mean, const Tensor& rstd) override {
    arguments::check_layer_norm(x, gamma, beta, y, mean, rstd);
    reference::layer_norm_forward<float>(x, gamma, beta, eps, y, mean, rstd);
  }
  void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean,
                           const Tensor& rstd, const Tensor& dx, Write write, const Tensor& dgamma,
                           const Tensor& dbeta) override {
    arguments::check_layer_norm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta);
    reference::layer_norm_backward<float>(dy, x, gamma, mean, rstd, dx, write, dgamma, dbeta);
  }
  void gelu_forward(const Tensor& x, const Tensor& y) override {
    arguments::check_same("gelu_forward", x, y);
    reference::gelu_forward<float>(x, y);
  }
  void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) override {
    arguments::check_same("gelu_backward", x, dy);
    arguments::check_same("gelu_backward", x, dx);
    reference::gelu_backward<float>(x, dy, dx);
  }

  void embedding_forward(const Tensor& tokens, int64_t sequence, int64_t first_position, int64_t first_token,
                         const Tensor& token_table, const Tensor& position_table, const Tensor& y) override {
    arguments::check_embedding("embedding_forward", tokens, sequence, first_position, token_table, position_table, y);
    reference::embedding_forward<float>(tokens, sequence, first_position, first_token, token_table, position_table, y);
  }
  void embedding_backward(const Tensor& tokens, int64_t sequence, int64_t first_position, int64_t first_token,
                          const Tensor& dy, const Tensor& dtoken_table, const Tensor& dposition_table) override {
    arguments::check_embedding("embedding_backward", tokens, sequence, first_position, dtoken_table, dposition_table,
                               dy);
    reference::embedding_backward<float>(tokens, sequence, first_position, first_token, dy, dtoken_table,
                                         dposition_table);
  }
  void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                                const Tensor& max, const Tensor& sum, const Tensor& target_logit) override {
    arguments::check_cross_entropy("cross_entropy_statistics", logits, targets, num_valid, max, sum);
    arguments::check_same("cross_entropy_statistics", sum, target_logit);
    reference::cross_entropy_statistics<float>(logits, targets, first_token, num_valid, max, sum, target_logit);
  }
  void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                              const Tensor& max, const Tensor& sum, double scale) override {
    arguments::check_cross_entropy("cross_entropy_gradient", logits, targets, num_valid, max, sum);
    reference::cross_entropy_gradient<float>(logits, targets, first_token, num_valid, max, sum, scale);
  }

  void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write) override {
    arguments::check_dropout(mask);
    arguments::check_same("dropout", x, y);
    reference::dropout<float>(mask, x, y, write);
  }
  void add(const Tensor& x, const Tensor& y) override {
    arguments::check_same("add", x, y);
    reference::add<float>(x, y);
  }
  void scale(const Tensor& x, double factor) override { reference::scale<float>(x, factor); }
  double sum_of_squares(const Tensor& x) override { return reference::sum_of_squares<float>(x); }

  void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient, const Tensor& first_moment,
             const Tensor& second_moment) override {
    for (const Tensor* other : {&gradient, &first_moment, &second_moment})
      arguments::check_same("adamw", weight, *other);
    reference::adamw<float>(constants, weight, gradient, first_moment, second_moment);
  }
  void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
           const Tensor& gradient, const Tensor& velocity) override {
    arguments::check_same("sgd", weight, gradient);
    if (velocity) arguments::check_same("sgd", weight, velocity);
    reference::sgd<float>(lr, momentum, weight_decay, gradient_scale, weight, gradient, velocity);
  }

 private:
  int num_threads_;
  cpu::Linear linear_;
};

}  // namespace

std::unique_ptr<Kernels> make_cpu_kernels(std::shared_ptr<MemoryPool> pool, int num_threads) {
  if (num_threads < 1) throw_internal("make_cpu_kernels: {} threads, expected at least 1", num_threads);
  return std::make_unique<CpuKernels>(pool, num_threads);
}

}  // namespace kumiko
