// Multi-head causal self-attention: x -> q, k, v -> softmax(q k^T / sqrt(D)) v -> output projection.
#pragma once

#include <string>

#include "kumiko/model/layers.h"
#include "kumiko/model/options.h"

namespace kumiko {

class SelfAttention {
 public:
  // `layer` counts blocks from 0; `output_std` is the initial standard deviation of the output projection.
  SelfAttention(ParameterRegistry& registry, const std::string& name, const ModelOptions& options, int layer,
                double output_std);

  void prepare(Kernels& kernels);
  // y += dropout(attention(x))
  void forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const;
  // dy to the gradient of x.
  Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const;

 private:
  struct Attended {
    Tensor out;          // [T, H], the heads side by side
    Tensor log_sum_exp;  // [B, A, S], for the backward
  };
  Attended attend(Pass& pass, const Tensor& qkv, MemoryPurpose purpose) const;
  // What the forward of a selective pass did not keep.
  Attended attend_again(Pass& pass, const Tensor& qkv) const;
  Tensor attend_to_cache(Pass& pass, const Tensor& qkv) const;
  // dy to the gradient of q, k and v.
  Tensor backward_to_qkv(Pass& pass, const Tensor& dy) const;
  AttentionShape shape(const Pass& pass) const;
  // Column block `part` (0 q, 1 k, 2 v) of a [T, 3H] tensor.
  HeadsView part_of(const Pass& pass, const Tensor& qkv, int part) const;
  HeadsView heads_of(const Pass& pass, const Tensor& x) const;

  int64_t hidden_;
  int64_t num_heads_;
  double probability_dropout_;
  double output_dropout_;
  int layer_;
  Linear qkv_;
  Linear output_;
};

}  // namespace kumiko
