#include "kumiko/model/embedding.h"

#include "kumiko/model/chunked.h"

namespace kumiko {

Embedding::Embedding(ParameterRegistry& registry, const EmbeddingOptions& options) : options_(options) {
  const Initializer normal = Initializer::normal(options.init_std);
  const TensorParallel& tensor = registry.tensor_parallel();
  const IndexRange tokens = tensor.share(options.vocab_size);
  first_token_ = tokens.begin;
  adds_positions_ = tensor.rank == 0;
  token_table_ = &registry.add_stacked(
      {{"embedding.token", {options.vocab_size, options.hidden}, {{tokens.begin, 0}, {tokens.size(), options.hidden}}}},
      normal, true);
  if (options.num_positions > 0) {
    position_table_ = &registry.add("embedding.position", {options.num_positions, options.hidden}, normal, true);
  }
}

Tensor Embedding::forward(Pass& pass, const Tensor&) {
  const Span span(pass.timer, Region::embedding);
  SummedRows rows(pass, options_.hidden, activations_traffic, MemoryPurpose::stash);
  const bool positions = position_table_ != nullptr && adds_positions_;
  pass.kernels.embedding_forward(pass.tokens, places(pass), first_token_, token_table_->value,
                                 positions ? position_table_->value : Tensor(), rows.rows());
  multiply_chunks(pass, nullptr, &rows, [](IndexRange) {});
  const Tensor y = rows.sum();
  const DropoutMask mask = pass.dropout_mask(DropoutSite::embedding(), options_.dropout, options_.hidden);
  if (mask.probability > 0) drop_rows(pass, mask, y, y, Write::overwrite);
  return y;
}

Tensor Embedding::backward(Pass& pass, const Tensor& dy) {
  const Span span(pass.timer, Region::embedding);
  const DropoutMask mask = pass.dropout_mask(DropoutSite::embedding(), options_.dropout, options_.hidden);
  if (mask.probability > 0) drop_rows(pass, mask, dy, dy, Write::overwrite);
  const GatheredRows whole(pass, dy, gradients_traffic);
  pass.kernels.embedding_backward(pass.tokens, places(pass), first_token_, whole.all(), token_table_->gradient,
                                  position_table_ == nullptr ? Tensor() : position_table_->gradient);
  return {};
}

}  // namespace kumiko
