#include "kumiko/model/options.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kumiko/base/error.h"

namespace kumiko {

std::string_view name_of(Architecture architecture) { return architecture == Architecture::gpt ? "GPT-2" : "Llama"; }

int64_t ModelOptions::feed_forward_size() const {
  if (ffn_hidden_size != 0) return ffn_hidden_size;
  if (architecture == Architecture::gpt) return 4 * hidden_size;
  constexpr int64_t multiple = 64;
  return std::max<int64_t>(1, 8 * hidden_size / 3 / multiple) * multiple;
}

void ModelOptions::check_upper_bounds() const {
  struct Bound {
    const char* name;
    int64_t value;
    int64_t most;
  };
  constexpr int64_t tokens = (int64_t{1} << 31) - 1;  // ids and positions are 32-bit numbers
  const std::array bounds = {
      Bound{"num_layers", num_layers, 1 << 16},
      Bound{"hidden_size", hidden_size, 1 << 24},
      Bound{"num_attention_heads", num_attention_heads, 1 << 20},
      Bound{"num_query_groups", num_query_groups, 1 << 20},
      Bound{"kv_channels", kv_channels, 1 << 20},
      Bound{"ffn_hidden_size", ffn_hidden_size, 1 << 28},
      Bound{"max_position_embeddings", max_position_embeddings, tokens},
      Bound{"vocab_size", vocab_size, tokens},
      Bound{"window_size", window_size, tokens},
      Bound{"rope_original_max_position_embeddings", rope_original_max_position_embeddings, tokens}};
  for (const Bound& bound : bounds) {
    if (bound.value > bound.most) {
      throw_user("model.{} = {}: expected at most {}", bound.name, bound.value, bound.most);
    }
  }
}

double ModelOptions::approximate_parameters() const {
  const auto hidden = static_cast<double>(hidden_size);
  const auto queries = static_cast<double>(num_attention_heads) * static_cast<double>(head_size());
  const auto keys = static_cast<double>(num_kv_heads()) * static_cast<double>(head_size());
  const double matrices = architecture == Architecture::llama ? 3 : 2;
  const double block = hidden * (2 * queries + 2 * keys + matrices * static_cast<double>(feed_forward_size()));
  double tables = static_cast<double>(vocab_size) * (untie_embeddings_and_output_weights ? 2 : 1);
  if (architecture == Architecture::gpt) tables += static_cast<double>(max_position_embeddings);
  return static_cast<double>(num_layers) * block + tables * hidden;
}

void ModelOptions::fill_in_sizes() {
  check_upper_bounds();
  ffn_hidden_size = feed_forward_size();
  num_query_groups = num_kv_heads();
  if (num_attention_heads > 0 && hidden_size % num_attention_heads == 0) kv_channels = head_size();
}

void ModelOptions::describe(OptionTable& table) {
  table.section("model");
  table.add("preset", preset, "a published model by name, as gpt2-124m; other options override its sizes");
  table.add_choice("architecture", architecture, {"gpt", "llama"},
                   "gpt: GPT-2's layers; llama: those of Llama, Mistral and Qwen2");
  table.add("num_layers", num_layers, "transformer blocks");
  table.add("hidden_size", hidden_size, "width of the residual stream");
  table.add("num_attention_heads", num_attention_heads, "attention heads");
  table.add("num_query_groups", num_query_groups,
            "heads of keys and values, shared by groups of query heads (llama); divides num_attention_heads; 0 for as "
            "many");
  table.add("kv_channels", kv_channels, "size of a head (llama); 0 for hidden_size / num_attention_heads");
  table.add("ffn_hidden_size", ffn_hidden_size,
            "width of the MLP; 0 for 4 x hidden_size, or with llama 8/3 of it as a multiple of 64");
  table.add("max_position_embeddings", max_position_embeddings, "positions the model knows; 0 for train.seq_length");
  table.add("vocab_size", vocab_size, "tokens the model knows; 0 for the tokenizer's");
  table.add("untie_embeddings_and_output_weights", untie_embeddings_and_output_weights,
            "whether the head has a weight of its own");
  table.add("add_qkv_bias", add_qkv_bias, "biases of queries, keys and values, as Qwen2 has them (llama)");
  table.add("rotary_base", rotary_base, "base of the rotary frequencies (llama)");
  table.add("use_rope_scaling", use_rope_scaling, "change the rotary frequencies for long contexts as Llama 3.1 does");
  table.add("rope_scaling_factor", rope_scaling_factor, "by how much low frequencies are divided");
  table.add("rope_low_freq_factor", rope_low_freq_factor,
            "frequencies of fewer turns than this in rope_original_max_position_embeddings are low");
  table.add("rope_high_freq_factor", rope_high_freq_factor, "those of more turns than this are left as they are");
  table.add("rope_original_max_position_embeddings", rope_original_max_position_embeddings,
            "the context length before it was extended");
  table.add("window_size", window_size, "positions that attention reaches back over, its own counted; 0 for all");
  table.add("hidden_dropout", hidden_dropout, "dropout of embeddings and of each block's outputs");
  table.add("attention_dropout", attention_dropout, "dropout of attention probabilities");
  table.add("init_method_std", init_method_std, "standard deviation of the initial weights");
  table.add("layernorm_epsilon", layernorm_epsilon, "added to the variance in norms");
}

void ModelOptions::validate() const {
  check_upper_bounds();
  const auto positive = [](const char* name, int64_t value) {
    if (value < 1) throw_user("model.{} = {}: expected 1 or more", name, value);
  };
  positive("num_layers", num_layers);
  positive("hidden_size", hidden_size);
  positive("num_attention_heads", num_attention_heads);
  positive("vocab_size", vocab_size);
  positive("max_position_embeddings", max_position_embeddings);
  positive("ffn_hidden_size", feed_forward_size());
  positive("kv_channels", head_size());
  positive("num_query_groups", num_kv_heads());
  if (architecture == Architecture::gpt) validate_gpt();
  if (architecture == Architecture::llama) validate_llama();
  if (kv_channels == 0 && hidden_size % num_attention_heads != 0) {
    throw_user(
        "model.hidden_size = {} does not divide by model.num_attention_heads = {}; the nearest sizes that do "
        "are {} and {}",
        hidden_size, num_attention_heads, hidden_size / num_attention_heads * num_attention_heads,
        (hidden_size / num_attention_heads + 1) * num_attention_heads);
  }
  constexpr double most_parameters = 1e15;
  if (approximate_parameters() > most_parameters) {
    throw_user(
        "the model would have {:.2g} parameters, more than any machine holds: look for a size that is too large among "
        "model.num_layers = {}, hidden_size = {}, ffn_hidden_size = {}, num_attention_heads = {}, vocab_size = {} and "
        "max_position_embeddings = {}",
        approximate_parameters(), num_layers, hidden_size, feed_forward_size(), num_attention_heads, vocab_size,
        max_position_embeddings);
  }
  const auto probability = [](const char* name, double value) {
    if (!(value >= 0 && value < 1)) throw_user("model.{} = {}: expected 0 or more and less than 1", name, value);
  };
  probability("hidden_dropout", hidden_dropout);
  probability("attention_dropout", attention_dropout);
  if (!(init_method_std >= 0)) throw_user("model.init_method_std = {}: expected 0 or more", init_method_std);
  if (!(layernorm_epsilon > 0)) throw_user("model.layernorm_epsilon = {}: expected more than 0", layernorm_epsilon);
}

void ModelOptions::validate_gpt() const {
  struct Foreign {
    const char* name;
    bool given;
  };
  const ModelOptions plain;
  const std::array foreign = {
      Foreign{"num_query_groups", num_query_groups != 0 && num_query_groups != num_attention_heads},
      Foreign{"kv_channels", kv_channels != 0 && kv_channels * num_attention_heads != hidden_size},
      Foreign{"add_qkv_bias", add_qkv_bias},
      Foreign{"use_rope_scaling", use_rope_scaling},
      Foreign{"window_size", window_size != 0},
      Foreign{"rotary_base", rotary_base != plain.rotary_base},
      Foreign{"rope_scaling_factor", rope_scaling_factor != plain.rope_scaling_factor},
      Foreign{"rope_low_freq_factor", rope_low_freq_factor != plain.rope_low_freq_factor},
      Foreign{"rope_high_freq_factor", rope_high_freq_factor != plain.rope_high_freq_factor},
      Foreign{"rope_original_max_position_embeddings",
              rope_original_max_position_embeddings != plain.rope_original_max_position_embeddings},
  };
  for (const Foreign& option : foreign) {
    if (!option.given) continue;
    throw_user("model.{} is an option of model.architecture = llama; leave it out, or change the architecture",
               option.name);
  }
}

void ModelOptions::validate_llama() const {
  if (num_attention_heads % num_kv_heads() != 0) {
    throw_user(
        "model.num_query_groups = {} does not divide model.num_attention_heads = {}: each group of queries "
        "shares one head of keys and values",
        num_query_groups, num_attention_heads);
  }
  if (head_size() % 2 != 0) {
    throw_user(
        "heads of size {} (model.kv_channels, or hidden_size / num_attention_heads): rotary positions turn pairs "
        "of elements, so it must be even",
        head_size());
  }
  if (window_size < 0) throw_user("model.window_size = {}: expected 0 for all positions, or more", window_size);
  const auto positive = [](const char* name, double value) {
    if (!(value > 0 && std::isfinite(value))) throw_user("model.{} = {}: expected more than 0", name, value);
  };
  positive("rotary_base", rotary_base);
  positive("rope_scaling_factor", rope_scaling_factor);
  positive("rope_low_freq_factor", rope_low_freq_factor);
  positive("rope_original_max_position_embeddings", static_cast<double>(rope_original_max_position_embeddings));
  if (!(rope_high_freq_factor > rope_low_freq_factor)) {
    throw_user("model.rope_high_freq_factor = {}: expected more than model.rope_low_freq_factor = {}",
               rope_high_freq_factor, rope_low_freq_factor);
  }
}

}  // namespace kumiko
