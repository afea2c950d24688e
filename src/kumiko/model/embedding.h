// Token embedding, with learned positions or without, and dropout: the first unit.
#pragma once

#include "kumiko/model/parameter.h"
#include "kumiko/model/unit.h"

namespace kumiko {

struct EmbeddingOptions {
  int64_t vocab_size = 0;
  int64_t num_positions = 0;  // learned ones; 0 for none
  int64_t hidden = 0;
  double dropout = 0;
  double init_std = 0;
};

class Embedding final : public Unit {
 public:
  // `table_alone`: the token table is a unit of parameters by itself.
  Embedding(ParameterRegistry& registry, const EmbeddingOptions& options, bool table_alone = false);

  // The table alone, for a head without an embedding beside it.
  static Parameter& add_token_table(ParameterRegistry& registry, const EmbeddingOptions& options);

  void prepare(Kernels&) override {}
  void release() override {}
  Tensor forward(Pass& pass, const Tensor& x) override;
  Tensor backward(Pass& pass, const Tensor& dy) override;

  // For a head that shares it.
  Parameter& token_table() const { return *token_table_; }

 private:
  TokenPlaces places(const Pass& pass) const { return {pass.sequence, pass.first_position(), pass.positions}; }

  EmbeddingOptions options_;
  int64_t first_token_;                  // of this rank's part of the vocabulary
  bool adds_positions_;                  // or another rank does
  Parameter* token_table_;               // [V, H], of this rank's part of the vocabulary
  Parameter* position_table_ = nullptr;  // [P, H], or none
};

}  // namespace kumiko
