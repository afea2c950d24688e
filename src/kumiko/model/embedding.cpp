#include "kumiko/model/embedding.h"

#include "kumiko/model/chunked.h"

namespace kumiko {

Parameter& Embedding::add_token_table(ParameterRegistry& registry, const EmbeddingOptions& options) {
  const IndexRange tokens = registry.tensor_parallel().share(options.vocab_size);
  return registry.add_stacked(
      {{"embedding.token", {options.vocab_size, options.hidden}, {{tokens.begin, 0}, {tokens.size(), options.hidden}}}},
      Initializer::normal(options.init_std), true);
}

Embedding::Embedding(ParameterRegistry& registry, const EmbeddingOptions& options, bool table_alone)
    : options_(options),
      first_token_(registry.tensor_parallel().share(options.vocab_size).begin),
      adds_positions_(registry.tensor_parallel().rank == 0),
      token_table_(&add_token_table(registry, options)) {
  if (options.num_positions == 0) return;
  if (table_alone) registry.next_unit();
  position_table_ = &registry.add("embedding.position", {options.num_positions, options.hidden},
                                  Initializer::normal(options.init_std), true);
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
  pass.weight_work->add(
      [this, &kernels = pass.kernels, tokens = pass.tokens, places = places(pass), gathered = whole.all()] {
        kernels.embedding_backward(tokens, places, first_token_, gathered, token_table_->gradient,
                                   position_table_ == nullptr ? Tensor() : position_table_->gradient);
      });
  return {};
}

}  // namespace kumiko
