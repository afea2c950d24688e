#include "kumiko/model/embedding.h"

namespace kumiko {

Embedding::Embedding(ParameterRegistry& registry, const ModelOptions& options)
    : hidden_(options.hidden_size),
      dropout_(options.hidden_dropout),
      token_table_(&registry.add("embedding.token", {options.vocab_size, hidden_},
                                 Initializer::normal(options.init_method_std), true)),
      position_table_(&registry.add("embedding.position", {options.max_position_embeddings, hidden_},
                                    Initializer::normal(options.init_method_std), true)) {}

Tensor Embedding::forward(Pass& pass, const Tensor&) {
  const Span span(pass.timer, Region::embedding);
  const Tensor y = pass.empty({pass.num_tokens(), hidden_}, MemoryPurpose::stash);
  pass.kernels.embedding_forward(pass.tokens, places(pass), 0, token_table_->value, position_table_->value, y);
  const DropoutMask mask = pass.dropout_mask(DropoutSite::embedding(), dropout_, hidden_);
  if (mask.probability > 0) pass.kernels.dropout(mask, y, y, Write::overwrite);
  return y;
}

Tensor Embedding::backward(Pass& pass, const Tensor& dy) {
  const Span span(pass.timer, Region::embedding);
  const DropoutMask mask = pass.dropout_mask(DropoutSite::embedding(), dropout_, hidden_);
  if (mask.probability > 0) pass.kernels.dropout(mask, dy, dy, Write::overwrite);
  pass.kernels.embedding_backward(pass.tokens, places(pass), 0, dy, token_table_->gradient, position_table_->gradient);
  return {};
}

}  // namespace kumiko
