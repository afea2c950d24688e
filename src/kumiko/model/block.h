// A transformer block, pre-norm: h = x + attention(norm(x)), y = h + mlp(norm(h)).
#pragma once

#include <memory>

#include "kumiko/model/attention.h"
#include "kumiko/model/mlp.h"
#include "kumiko/model/norm.h"
#include "kumiko/model/unit.h"

namespace kumiko {

struct BlockParts {
  Norm attention_norm;
  SelfAttention attention;
  Norm mlp_norm;
  std::unique_ptr<Mlp> mlp;
};

class Block final : public Unit {
 public:
  explicit Block(BlockParts parts) : parts_(std::move(parts)) {}

  void prepare(Kernels& kernels) override;
  void release() override;
  Tensor forward(Pass& pass, const Tensor& x) override;
  Tensor backward(Pass& pass, const Tensor& dy) override;

 private:
  BlockParts parts_;
};

}  // namespace kumiko
