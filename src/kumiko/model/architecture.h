// What an architecture is: the options of a model's first and last unit, and the parts of each of its blocks. One file
// composes each architecture (gpt.cpp, llama.cpp) from the same layers.
#pragma once

#include <functional>
#include <string>

#include "kumiko/model/block.h"
#include "kumiko/model/embedding.h"
#include "kumiko/model/head.h"
#include "kumiko/model/options.h"

namespace kumiko {

struct Composition {
  EmbeddingOptions embedding;
  // `name` introduces the names of the block's parameters; `layer` counts blocks from 0.
  std::function<BlockParts(ParameterRegistry& registry, const std::string& name, int layer)> block;
  HeadOptions head;
};

// GPT-2 (Radford et al. 2019, section 2.3): layer norm, learned positions, GELU, biases everywhere.
Composition compose_gpt(const ModelOptions& options);
// Llama (Touvron et al. 2023) and what shares its layers: RMS norm, rotary positions, grouped queries, SwiGLU; no
// biases but those of queries, keys and values where Qwen2 has them.
Composition compose_llama(const ModelOptions& options);

// What the compositions share, from the options.
EmbeddingOptions embedding_options(const ModelOptions& options);
AttentionOptions attention_options(const ModelOptions& options);
MlpOptions mlp_options(const ModelOptions& options);

}  // namespace kumiko
