// The shape of a model, in Megatron's terms.
#pragma once

#include <string>

#include "kumiko/base/options.h"

namespace kumiko {

// gpt: GPT-2 (layer norm, learned positions, GELU, biases). llama: Llama and what shares its layers, as Mistral and
// Qwen2 (RMS norm, rotary positions, SwiGLU, no biases but those of add_qkv_bias).
enum class Architecture : uint8_t { gpt, llama };
std::string_view name_of(Architecture architecture);  // for people: "GPT-2"

struct ModelOptions {
  std::string preset;
  Architecture architecture = Architecture::gpt;
  int64_t num_layers = 12;
  int64_t hidden_size = 768;
  int64_t num_attention_heads = 12;
  int64_t num_query_groups = 0;         // 0: as many as heads; of llama, heads of keys and values
  int64_t kv_channels = 0;              // 0: hidden_size / num_attention_heads; of llama, the size of a head
  int64_t ffn_hidden_size = 0;          // 0: the architecture's rule
  int64_t max_position_embeddings = 0;  // 0: the sequence length
  int64_t vocab_size = 0;               // 0: the tokenizer's
  bool untie_embeddings_and_output_weights = false;
  bool add_qkv_bias = false;  // of llama; gpt has all biases
  double rotary_base = 10000;
  bool use_rope_scaling = false;  // Llama 3.1's change of the frequencies
  double rope_scaling_factor = 8;
  double rope_low_freq_factor = 1;
  double rope_high_freq_factor = 4;
  int64_t rope_original_max_position_embeddings = 8192;
  int64_t window_size = 0;  // 0: attention reaches back to the beginning
  double hidden_dropout = 0;
  double attention_dropout = 0;
  double init_method_std = 0.02;
  double layernorm_epsilon = 1e-5;

  void describe(OptionTable& table);
  // User error naming the option. Call when the sizes that depend on others have been filled in.
  void validate() const;

  int64_t head_size() const { return kv_channels == 0 ? hidden_size / num_attention_heads : kv_channels; }
  int64_t num_kv_heads() const { return num_query_groups == 0 ? num_attention_heads : num_query_groups; }
  // Columns of all queries together, and of all keys (or values).
  int64_t query_size() const { return num_attention_heads * head_size(); }
  int64_t kv_size() const { return num_kv_heads() * head_size(); }
  // gpt: 4 H. llama: 8/3 H, so that three matrices have the parameters of two, as a multiple of 64.
  int64_t feed_forward_size() const;
  // Replaces each 0 that stands for a rule by what the rule gives, but those that others must say (vocabulary,
  // positions). User error if a size is so far beyond any model that arithmetic with it would overflow.
  void fill_in_sizes();
  // Weights and embeddings, to within norms and biases; a double, which no sizes overflow.
  double approximate_parameters() const;

 private:
  void check_upper_bounds() const;
  void validate_gpt() const;
  void validate_llama() const;
};

}  // namespace kumiko
