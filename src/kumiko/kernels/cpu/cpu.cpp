// The class that ties the fast kernels together: checks the arguments, then calls the family that does the work.
#include <fmt/core.h>
#include <hwy/targets.h>

#include "kumiko/base/error.h"
#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/cpu/activation.h"
#include "kumiko/kernels/cpu/attention.h"
#include "kumiko/kernels/cpu/elementwise.h"
#include "kumiko/kernels/cpu/embedding.h"
#include "kumiko/kernels/cpu/linear.h"
#include "kumiko/kernels/cpu/loss.h"
#include "kumiko/kernels/cpu/norm.h"
#include "kumiko/kernels/cpu/optimizer.h"
#include "kumiko/kernels/cpu/rotary.h"

namespace kumiko {
namespace {

std::unique_ptr<cpu::LinearProducts> make_products(const std::shared_ptr<MemoryPool>& pool, int num_threads, DType type,
                                                   LinearBackend backend) {
  if (backend == LinearBackend::onednn) return cpu::make_onednn_products(pool, num_threads, type);
  if (backend == LinearBackend::cblas) return cpu::make_cblas_products(pool, num_threads, type);
  return cpu::make_native_products(pool, num_threads);
}

class CpuKernels : public Kernels {
 public:
  CpuKernels(const std::shared_ptr<MemoryPool>& pool, int num_threads, DType type, LinearBackend backend)
      : num_threads_(num_threads), workspace_(pool), linear_(make_products(pool, num_threads, type, backend)) {}

  std::string description() const override {
    return fmt::format("cpu ({}, {}, {} thread{})", instruction_set(), linear_->description(), num_threads_,
                       num_threads_ == 1 ? "" : "s");
  }
  int num_threads() const override { return num_threads_; }

  std::unique_ptr<PreparedWeight> prepare_weight(const Tensor& weight,
                                                 std::unique_ptr<PreparedWeight> previous) override {
    if (weight.shape().rank() != 2 || weight.dtype() != DType::f32) {
      throw_internal("prepare_weight: weight is {} {}, expected f32 [N, K]", name_of(weight.dtype()),
                     weight.shape().to_string());
    }
    return linear_->prepare(weight, std::move(previous));
  }
  void linear_forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
                      Write write) override {
    arguments::check_linear("linear_forward", x, cpu::weight_shape(weight), bias, y);
    linear_->forward(x, weight, bias, y, write);
  }
  void linear_backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) override {
    arguments::check_linear("linear_backward_input", dx, cpu::weight_shape(weight), {}, dy);
    linear_->backward_input(dy, weight, dx, write);
  }
  void linear_forward_terms(const Tensor& x, const PreparedWeight& weight, const ProductTerms& terms,
                            const Tensor& bias, const Tensor& y, Write write) override {
    const Shape& shape = cpu::weight_shape(weight);
    arguments::check_linear_terms("linear_forward_terms", x, terms, shape[1], shape[0], bias, y);
    linear_->forward_terms(x, weight, terms, bias, y, write);
  }
  void linear_backward_input_terms(const Tensor& dy, const PreparedWeight& weight, const ProductTerms& terms,
                                   const Tensor& dx, Write write) override {
    const Shape& shape = cpu::weight_shape(weight);
    arguments::check_linear_terms("linear_backward_input_terms", dy, terms, shape[0], shape[1], {}, dx);
    linear_->backward_input_terms(dy, weight, terms, dx, write);
  }
  void linear_backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight, const Tensor& dbias) override {
    arguments::check_linear_gradient("linear_backward_weight", x, dy, dweight, dbias);
    linear_->backward_weight(x, dy, dweight);
    if (dbias) cpu::add_column_sums(dy, dbias, num_threads_, workspace_);
  }
  void linear_gelu_forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& pre,
                           const Tensor& y) override {
    arguments::check_linear("linear_gelu_forward", x, cpu::weight_shape(weight), bias, pre);
    arguments::check_same("linear_gelu_forward", pre, y);
    linear_->forward_gelu(x, weight, bias, pre, y);
  }
  void linear_gelu_backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& pre,
                                  const Tensor& dpre) override {
    arguments::check_linear("linear_gelu_backward_input", dpre, cpu::weight_shape(weight), {}, dy);
    arguments::check_same("linear_gelu_backward_input", pre, dpre);
    linear_->backward_input_gelu(dy, weight, pre, dpre);
  }
  void linear_gelu_backward_weight(const Tensor& pre, const Tensor& dy, const Tensor& dweight,
                                   const Tensor& dbias) override {
    arguments::check_linear_gradient("linear_gelu_backward_weight", pre, dy, dweight, dbias);
    linear_->backward_weight_gelu(pre, dy, dweight);
    if (dbias) cpu::add_column_sums(dy, dbias, num_threads_, workspace_);
  }

  void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                         const HeadsView& out, const Tensor& log_sum_exp) override {
    arguments::check_attention("attention_forward", shape, q, k, v, out, log_sum_exp);
    cpu::attention_forward(shape, q, k, v, out, log_sum_exp, num_threads_, workspace_);
  }
  void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                          const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout, const HeadsView& dq,
                          const HeadsView& dk, const HeadsView& dv) override {
    arguments::check_attention_backward(shape, q, k, v, out, log_sum_exp, dout, dq, dk, dv);
    cpu::attention_backward(shape, q, k, v, out, log_sum_exp, dout, dq, dk, dv, num_threads_, workspace_);
  }

  void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                          const Tensor& mean, const Tensor& rstd) override {
    arguments::check_layer_norm(x, gamma, beta, y, mean, rstd);
    cpu::layer_norm_forward(x, gamma, beta, eps, y, mean, rstd, num_threads_);
  }
  void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean,
                           const Tensor& rstd, const Tensor& dx, Write write, const Tensor& dgamma,
                           const Tensor& dbeta) override {
    arguments::check_layer_norm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta);
    cpu::layer_norm_backward(dy, x, gamma, mean, rstd, dx, write, dgamma, dbeta, num_threads_, workspace_);
  }
  void rms_norm_forward(const Tensor& x, const Tensor& gamma, double eps, const Tensor& y,
                        const Tensor& rstd) override {
    arguments::check_rms_norm(x, gamma, y, rstd);
    cpu::rms_norm_forward(x, gamma, eps, y, rstd, num_threads_);
  }
  void rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd, const Tensor& dx,
                         Write write, const Tensor& dgamma) override {
    arguments::check_rms_norm_backward(dy, x, gamma, rstd, dx, dgamma);
    cpu::rms_norm_backward(dy, x, gamma, rstd, dx, write, dgamma, num_threads_, workspace_);
  }
  void swiglu_forward(const Tensor& x, const Tensor& y) override {
    arguments::check_swiglu("swiglu_forward", x, y);
    cpu::swiglu_forward(x, y, num_threads_);
  }
  void swiglu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) override {
    arguments::check_swiglu("swiglu_backward", x, dy);
    arguments::check_same("swiglu_backward", x, dx);
    cpu::swiglu_backward(x, dy, dx, num_threads_);
  }
  void rotate(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine,
              bool inverse) override {
    arguments::check_rotary(shape, x, cosine, sine);
    cpu::rotate(shape, x, cosine, sine, inverse, num_threads_);
  }
  void gelu_forward(const Tensor& x, const Tensor& y) override {
    arguments::check_same("gelu_forward", x, y);
    cpu::gelu_forward(x, y, num_threads_);
  }
  void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) override {
    arguments::check_same("gelu_backward", x, dy);
    arguments::check_same("gelu_backward", x, dx);
    cpu::gelu_backward(x, dy, dx, num_threads_);
  }

  void embedding_forward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token,
                         const Tensor& token_table, const Tensor& position_table, const Tensor& y) override {
    arguments::check_embedding("embedding_forward", tokens, places, token_table, position_table, y);
    cpu::embedding_forward(tokens, places, first_token, token_table, position_table, y, num_threads_);
  }
  void embedding_backward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& dy,
                          const Tensor& dtoken_table, const Tensor& dposition_table) override {
    arguments::check_embedding("embedding_backward", tokens, places, dtoken_table, dposition_table, dy);
    cpu::embedding_backward(tokens, places, first_token, dy, dtoken_table, dposition_table, num_threads_);
  }
  void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                                const Tensor& max, const Tensor& sum, const Tensor& target_logit) override {
    arguments::check_cross_entropy("cross_entropy_statistics", logits, targets, num_valid, max, sum);
    arguments::check_same("cross_entropy_statistics", sum, target_logit);
    cpu::cross_entropy_statistics(logits, targets, first_token, num_valid, max, sum, target_logit, num_threads_);
  }
  void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                              const Tensor& max, const Tensor& sum, double scale) override {
    arguments::check_cross_entropy("cross_entropy_gradient", logits, targets, num_valid, max, sum);
    cpu::cross_entropy_gradient(logits, targets, first_token, num_valid, max, sum, scale, num_threads_);
  }

  void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write) override {
    arguments::check_dropout(mask);
    arguments::check_same("dropout", x, y);
    cpu::dropout(mask, x, y, write, num_threads_);
  }
  void add(const Tensor& x, const Tensor& y) override {
    arguments::check_same("add", x, y);
    cpu::add(x, y, num_threads_);
  }
  void scale(const Tensor& x, double factor) override { cpu::scale(x, factor, num_threads_); }
  double sum_of_squares(const Tensor& x) override { return cpu::sum_of_squares(x, num_threads_); }
  void add_squares(const Tensor& x, ExactSum& sum) override { cpu::add_squares(x, sum, num_threads_); }

  void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient, const Tensor& first_moment,
             const Tensor& second_moment) override {
    for (const Tensor* other : {&gradient, &first_moment, &second_moment})
      arguments::check_same("adamw", weight, *other);
    cpu::adamw(constants, weight, gradient, first_moment, second_moment, num_threads_);
  }
  void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
           const Tensor& gradient, const Tensor& velocity) override {
    arguments::check_same("sgd", weight, gradient);
    if (velocity) arguments::check_same("sgd", weight, velocity);
    cpu::sgd(lr, momentum, weight_decay, gradient_scale, weight, gradient, velocity, num_threads_);
  }

 private:
  int num_threads_;
  cpu::Workspace workspace_;
  std::unique_ptr<cpu::LinearProducts> linear_;
};

}  // namespace

std::string instruction_set() {
  // The lowest bit is the best.
  const int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  const int64_t best = usable & -usable;
  return best == HWY_AVX3 ? "AVX-512" : hwy::TargetName(best);
}

const std::vector<std::string>& linear_backend_names() {
  static const std::vector<std::string> names = {"automatic", "native", "onednn", "cblas"};
  return names;
}

const std::string& name_of(LinearBackend backend) { return linear_backend_names()[static_cast<size_t>(backend)]; }

std::unique_ptr<Kernels> make_cpu_kernels(std::shared_ptr<MemoryPool> pool, int num_threads, DType type,
                                          LinearBackend linear) {
  if (num_threads < 1) throw_internal("make_cpu_kernels: {} threads, expected at least 1", num_threads);
  return std::make_unique<CpuKernels>(pool, num_threads, type, linear);
}

}  // namespace kumiko
