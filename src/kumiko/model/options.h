// The shape of a model, in Megatron's terms, and the families known by name.
#pragma once

#include <string>
#include <vector>

#include "kumiko/base/options.h"

namespace kumiko {

struct ModelOptions {
  std::string preset;
  int64_t num_layers = 12;
  int64_t hidden_size = 768;
  int64_t num_attention_heads = 12;
  int64_t ffn_hidden_size = 0;          // 0: 4 x hidden_size
  int64_t max_position_embeddings = 0;  // 0: the sequence length
  int64_t vocab_size = 0;               // 0: the tokenizer's
  bool untie_embeddings_and_output_weights = false;
  double hidden_dropout = 0;
  double attention_dropout = 0;
  double init_method_std = 0.02;
  double layernorm_epsilon = 1e-5;

  void describe(OptionTable& table);
  // User error naming the option. Call when the sizes that depend on others have been filled in.
  void validate() const;

  int64_t head_size() const { return hidden_size / num_attention_heads; }
  int64_t feed_forward_size() const { return ffn_hidden_size == 0 ? 4 * hidden_size : ffn_hidden_size; }
};

// Sets layers, sizes, vocabulary and positions to those of a published model. User error, listing the names, if there
// is none of that name.
void apply_preset(ModelOptions& options, const std::string& name);
std::vector<std::string> preset_names();

}  // namespace kumiko
