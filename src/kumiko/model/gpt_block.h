// GPT-2's transformer block (pre-norm): h = x + attention(norm(x)), y = h + mlp(norm(h)), mlp = down(gelu(up)).
#pragma once

#include <string>

#include "kumiko/model/attention.h"
#include "kumiko/model/layers.h"
#include "kumiko/model/options.h"
#include "kumiko/model/unit.h"

namespace kumiko {

class GptBlock final : public Unit {
 public:
  GptBlock(ParameterRegistry& registry, const ModelOptions& options, int layer);

  void prepare(Kernels& kernels) override;
  Tensor forward(Pass& pass, const Tensor& x) override;
  Tensor backward(Pass& pass, const Tensor& dy) override;

 private:
  void mlp_forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const;
  Tensor mlp_backward(Pass& pass, const Tensor& dy, LinearInput x) const;
  DropoutMask mlp_mask(const Pass& pass) const;

  GptBlock(ParameterRegistry& registry, const ModelOptions& options, int layer, const std::string& name,
           double output_std);

  int64_t hidden_;
  int64_t feed_forward_;
  double dropout_;
  int layer_;
  LayerNorm attention_norm_;
  SelfAttention attention_;
  LayerNorm mlp_norm_;
  Linear up_;
  Linear down_;
};

}  // namespace kumiko
