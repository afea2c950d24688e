#include "kumiko/model/options.h"

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

struct Preset {
  const char* name;
  int64_t layers;
  int64_t hidden;
  int64_t heads;
  int64_t positions;
};

// GPT-2: Radford et al. 2019, table 2. GPT-3: Brown et al. 2020, table 2.1, with two of its entries made whole: 1.3B is
// printed with 24 heads of 128 (3072, not 2048), here 16 of 128; 13B is printed with hidden size 5140, here 5120.
constexpr Preset presets[] = {
    {"gpt2-124m", 12, 768, 12, 1024},  {"gpt2-355m", 24, 1024, 16, 1024}, {"gpt2-774m", 36, 1280, 20, 1024},
    {"gpt2-1.5b", 48, 1600, 25, 1024}, {"gpt3-125m", 12, 768, 12, 2048},  {"gpt3-350m", 24, 1024, 16, 2048},
    {"gpt3-760m", 24, 1536, 16, 2048}, {"gpt3-1.3b", 24, 2048, 16, 2048}, {"gpt3-2.7b", 32, 2560, 32, 2048},
    {"gpt3-6.7b", 32, 4096, 32, 2048}, {"gpt3-13b", 40, 5120, 40, 2048},  {"gpt3-175b", 96, 12288, 96, 2048},
};
constexpr int64_t gpt2_vocabulary = 50257;

}  // namespace

void ModelOptions::describe(OptionTable& table) {
  table.section("model");
  table.add("preset", preset, "a published model by name, as gpt2-124m; other options override its sizes");
  table.add("num_layers", num_layers, "transformer blocks");
  table.add("hidden_size", hidden_size, "width of the residual stream");
  table.add("num_attention_heads", num_attention_heads, "attention heads; divides hidden_size");
  table.add("ffn_hidden_size", ffn_hidden_size, "width of the MLP; 0 for 4 x hidden_size");
  table.add("max_position_embeddings", max_position_embeddings, "positions the model knows; 0 for train.seq_length");
  table.add("vocab_size", vocab_size, "tokens the model knows; 0 for the tokenizer's");
  table.add("untie_embeddings_and_output_weights", untie_embeddings_and_output_weights,
            "whether the head has a weight of its own");
  table.add("hidden_dropout", hidden_dropout, "dropout of embeddings and of each block's outputs");
  table.add("attention_dropout", attention_dropout, "dropout of attention probabilities");
  table.add("init_method_std", init_method_std, "standard deviation of the initial weights");
  table.add("layernorm_epsilon", layernorm_epsilon, "added to the variance in layer norms");
}

void ModelOptions::validate() const {
  const auto positive = [](const char* name, int64_t value) {
    if (value < 1) throw_user("model.{} = {}: expected 1 or more", name, value);
  };
  positive("num_layers", num_layers);
  positive("hidden_size", hidden_size);
  positive("num_attention_heads", num_attention_heads);
  positive("vocab_size", vocab_size);
  positive("max_position_embeddings", max_position_embeddings);
  positive("ffn_hidden_size", feed_forward_size());
  if (hidden_size % num_attention_heads != 0) {
    throw_user(
        "model.hidden_size = {} does not divide by model.num_attention_heads = {}; the nearest sizes that do "
        "are {} and {}",
        hidden_size, num_attention_heads, hidden_size / num_attention_heads * num_attention_heads,
        (hidden_size / num_attention_heads + 1) * num_attention_heads);
  }
  const auto probability = [](const char* name, double value) {
    if (!(value >= 0 && value < 1)) throw_user("model.{} = {}: expected 0 or more and less than 1", name, value);
  };
  probability("hidden_dropout", hidden_dropout);
  probability("attention_dropout", attention_dropout);
  if (!(init_method_std >= 0)) throw_user("model.init_method_std = {}: expected 0 or more", init_method_std);
  if (!(layernorm_epsilon > 0)) throw_user("model.layernorm_epsilon = {}: expected more than 0", layernorm_epsilon);
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets) names.emplace_back(preset.name);
  return names;
}

void apply_preset(ModelOptions& options, const std::string& name) {
  std::string known;
  for (const Preset& preset : presets) {
    if (name == preset.name) {
      options.preset = name;
      options.num_layers = preset.layers;
      options.hidden_size = preset.hidden;
      options.num_attention_heads = preset.heads;
      options.max_position_embeddings = preset.positions;
      options.vocab_size = gpt2_vocabulary;
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(preset.name);
  }
  const std::string nearest = nearest_word(name, preset_names());
  throw_user("model.preset = {}: no such preset{}; known are {}", name,
             nearest.empty() ? "" : " (did you mean " + nearest + "?)", known);
}

}  // namespace kumiko
