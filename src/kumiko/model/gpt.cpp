#include "kumiko/model/architecture.h"

namespace kumiko {

Composition compose_gpt(const ModelOptions& options) {
  const NormOptions norm{NormKind::layer_norm, options.hidden_size, options.layernorm_epsilon};
  EmbeddingOptions embedding = embedding_options(options);
  embedding.num_positions = options.max_position_embeddings;
  const auto block = [=](ParameterRegistry& registry, const std::string& name, int layer) {
    return BlockParts{Norm(registry, name + ".attention_norm", norm),
                      SelfAttention(registry, name + ".attention", attention_options(options), nullptr, layer),
                      Norm(registry, name + ".mlp_norm", norm),
                      make_gelu_mlp(registry, name + ".mlp", mlp_options(options), layer)};
  };
  return {embedding, block, {norm, options.vocab_size, options.init_method_std}};
}

}  // namespace kumiko
