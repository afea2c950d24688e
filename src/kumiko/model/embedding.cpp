#include "kumiko/model/embedding.h"

namespace kumiko {

Embedding::Embedding(ParameterRegistry& registry, const EmbeddingOptions& options) : options_(options) {
  const Initializer normal = Initializer::normal(options.init_std);
  token_table_ = &registry.add("embedding.token", {options.vocab_size, options.hidden}, normal, true);
  if (options.num_positions > 0) {
    position_table_ = &registry.add("embedding.position", {options.num_positions, options.hidden}, normal, true);
  }
}

Tensor Embedding::forward(Pass& pass, const Tensor&) {
  const Span span(pass.timer, Region::embedding);
  const Tensor y = pass.empty({pass.num_tokens(), options_.hidden}, MemoryPurpose::stash);
  pass.kernels.embedding_forward(pass.tokens, places(pass), 0, token_table_->value,
                                 position_table_ == nullptr ? Tensor() : position_table_->value, y);
  const DropoutMask mask = pass.dropout_mask(DropoutSite::embedding(), options_.dropout, options_.hidden);
  if (mask.probability > 0) pass.kernels.dropout(mask, y, y, Write::overwrite);
  return y;
}

Tensor Embedding::backward(Pass& pass, const Tensor& dy) {
  const Span span(pass.timer, Region::embedding);
  const DropoutMask mask = pass.dropout_mask(DropoutSite::embedding(), options_.dropout, options_.hidden);
  if (mask.probability > 0) pass.kernels.dropout(mask, dy, dy, Write::overwrite);
  pass.kernels.embedding_backward(pass.tokens, places(pass), 0, dy, token_table_->gradient,
                                  position_table_ == nullptr ? Tensor() : position_table_->gradient);
  return {};
}

}  // namespace kumiko
