#include "kumiko/model/architecture.h"

namespace kumiko {

Composition compose_llama(const ModelOptions& options) {
  const NormOptions norm{NormKind::rms_norm, options.hidden_size, options.layernorm_epsilon};
  const auto rotary = std::make_shared<Rotary>(options);
  AttentionOptions attention = attention_options(options);
  attention.qkv_bias = options.add_qkv_bias;
  attention.output_bias = false;
  const auto block = [=](ParameterRegistry& registry, const std::string& name, int layer) {
    return BlockParts{Norm(registry, name + ".attention_norm", norm),
                      SelfAttention(registry, name + ".attention", attention, rotary, layer),
                      Norm(registry, name + ".mlp_norm", norm),
                      make_swiglu_mlp(registry, name + ".mlp", mlp_options(options), layer)};
  };
  return {embedding_options(options), block, {norm, options.vocab_size, options.init_method_std}};
}

}  // namespace kumiko
