// Token and position embedding, with dropout: the first unit.
#pragma once

#include "kumiko/model/options.h"
#include "kumiko/model/parameter.h"
#include "kumiko/model/unit.h"

namespace kumiko {

class Embedding final : public Unit {
 public:
  Embedding(ParameterRegistry& registry, const ModelOptions& options);

  void prepare(Kernels&) override {}
  Tensor forward(Pass& pass, const Tensor& x) override;
  Tensor backward(Pass& pass, const Tensor& dy) override;

  // For a head that shares it.
  Parameter& token_table() const { return *token_table_; }

 private:
  TokenPlaces places(const Pass& pass) const {
    return {pass.sequence, pass.cache == nullptr ? 0 : pass.cache->length, pass.positions};
  }

  int64_t hidden_;
  double dropout_;
  Parameter* token_table_;     // [V, H]
  Parameter* position_table_;  // [P, H]
};

}  // namespace kumiko
