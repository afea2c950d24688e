#include "kumiko/model/embedding.h"
#include "kumiko/model/gpt_block.h"
#include "kumiko/model/model.h"

namespace kumiko {

Model Model::gpt(const ModelOptions& options) {
  Model model;
  model.options_ = options;
  ParameterRegistry& registry = *model.parameters_;
  auto embedding = std::make_unique<Embedding>(registry, options);
  Parameter* token_table = &embedding->token_table();
  model.units_.push_back(std::move(embedding));
  for (int layer = 0; layer < options.num_layers; ++layer) {
    registry.next_unit();
    model.units_.push_back(std::make_unique<GptBlock>(registry, options, layer));
  }
  registry.next_unit();
  Parameter* tied = options.untie_embeddings_and_output_weights ? nullptr : token_table;
  model.units_.push_back(std::make_unique<Head>(registry, options, tied));
  return model;
}

int64_t count_parameters(const ModelOptions& options) {
  const int64_t hidden = options.hidden_size;
  const int64_t wide = options.feed_forward_size();
  const int64_t attention = 4 * hidden * (hidden + 1);
  const int64_t mlp = wide * (hidden + 1) + hidden * (wide + 1);
  const int64_t norms = 4 * hidden;
  const int64_t tables =
      (options.vocab_size * (options.untie_embeddings_and_output_weights ? 2 : 1) + options.max_position_embeddings) *
      hidden;
  return options.num_layers * (attention + mlp + norms) + tables + 2 * hidden;
}

}  // namespace kumiko
