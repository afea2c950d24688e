// Checks that the tensors of a kernel call fit together, shared by every implementation. A mismatch is an internal
// error that names the kernel, the tensor, what it is and what it should be.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::arguments {

// The type of parameters, their gradients and statistics beside activations of this type.
DType parameter_type(DType activations);

// x [T, K], weight [N, K], bias [N] or absent, y [T, N]; backward calls pass dx as x and dy as y.
void check_linear(const char* kernel, const Tensor& x, const Shape& weight, const Tensor& bias, const Tensor& y);
// x [T, columns], y [T, num_outputs]; `num_terms` of the weight can be summed over, some of them with x's columns.
void check_linear_terms(const char* kernel, const Tensor& x, const ProductTerms& terms, int64_t num_terms,
                        int64_t num_outputs, const Tensor& bias, const Tensor& y);
void check_linear_gradient(const char* kernel, const Tensor& x, const Tensor& dy, const Tensor& dweight,
                           const Tensor& dbias);

void check_attention(const char* kernel, const AttentionShape& shape, const HeadsView& q, const HeadsView& k,
                     const HeadsView& v, const HeadsView& out, const Tensor& log_sum_exp);
void check_attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                              const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout,
                              const HeadsView& dq, const HeadsView& dk, const HeadsView& dv);

void check_layer_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& y, const Tensor& mean,
                      const Tensor& rstd);
void check_layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean,
                               const Tensor& rstd, const Tensor& dx, const Tensor& dgamma, const Tensor& dbeta);

void check_rms_norm(const Tensor& x, const Tensor& gamma, const Tensor& y, const Tensor& rstd);
void check_rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd,
                             const Tensor& dx, const Tensor& dgamma);

// x and, in the backward, dx are [T, 2F], y or dy [T, F].
void check_swiglu(const char* kernel, const Tensor& x, const Tensor& y);
void check_rotary(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine);

void check_embedding(const char* kernel, const Tensor& tokens, const TokenPlaces& places, const Tensor& token_table,
                     const Tensor& position_table, const Tensor& y);
void check_cross_entropy(const char* kernel, const Tensor& logits, const Tensor& targets, int64_t num_valid,
                         const Tensor& max, const Tensor& sum);

// As many elements of the same type; `other` may be the same tensor.
void check_same(const char* kernel, const Tensor& tensor, const Tensor& other);
void check_dropout(const DropoutMask& mask);

// Words below this are dropped: the smallest integer not less than p 2^32.
uint32_t dropout_threshold(double probability);

}  // namespace kumiko::arguments
