#include "kumiko/model/presets.h"

#include <fmt/format.h>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

struct GptPreset {
  const char* name;
  int64_t layers;
  int64_t hidden;
  int64_t heads;
  int64_t positions;
};

// GPT-2: Radford et al. 2019, table 2. GPT-3: Brown et al. 2020, table 2.1, with two of its entries made whole: 1.3B is
// printed with 24 heads of 128 (3072, not 2048), here 16 of 128; 13B is printed with hidden size 5140, here 5120.
constexpr GptPreset gpt_presets[] = {
    {"gpt2-124m", 12, 768, 12, 1024},  {"gpt2-355m", 24, 1024, 16, 1024}, {"gpt2-774m", 36, 1280, 20, 1024},
    {"gpt2-1.5b", 48, 1600, 25, 1024}, {"gpt3-125m", 12, 768, 12, 2048},  {"gpt3-350m", 24, 1024, 16, 2048},
    {"gpt3-760m", 24, 1536, 16, 2048}, {"gpt3-1.3b", 24, 2048, 16, 2048}, {"gpt3-2.7b", 32, 2560, 32, 2048},
    {"gpt3-6.7b", 32, 4096, 32, 2048}, {"gpt3-13b", 40, 5120, 40, 2048},  {"gpt3-175b", 96, 12288, 96, 2048},
};
constexpr int64_t gpt2_vocabulary = 50257;

// What the models of one publication share.
struct LlamaFamily {
  int64_t vocabulary;
  int64_t positions;
  double rotary_base;
  double epsilon;
  double scaling_factor = 0;  // 0: no rope scaling
  bool qkv_bias = false;
  int64_t window = 0;
};

constexpr LlamaFamily llama2 = {32000, 4096, 1e4, 1e-5};
constexpr LlamaFamily llama3 = {128256, 8192, 5e5, 1e-5};
constexpr LlamaFamily llama31 = {128256, 131072, 5e5, 1e-5, 8};
constexpr LlamaFamily llama32 = {128256, 131072, 5e5, 1e-5, 32};
constexpr LlamaFamily mistral1 = {32000, 32768, 1e4, 1e-5, 0, false, 4096};
constexpr LlamaFamily mistral3 = {32768, 32768, 1e6, 1e-5};
constexpr LlamaFamily qwen2_small = {151936, 131072, 1e6, 1e-6, 0, true};
constexpr LlamaFamily qwen2_7b = {152064, 131072, 1e6, 1e-6, 0, true};
constexpr LlamaFamily qwen2_72b = {152064, 131072, 1e6, 1e-5, 0, true};

struct LlamaPreset {
  const char* name;
  const LlamaFamily& family;
  int64_t layers;
  int64_t hidden;
  int64_t heads;
  int64_t kv_heads;
  int64_t feed_forward;
  bool tied = false;
};

// The config.json files that the models were published with.
constexpr LlamaPreset llama_presets[] = {
    {"llama2-7b", llama2, 32, 4096, 32, 32, 11008},          {"llama2-13b", llama2, 40, 5120, 40, 40, 13824},
    {"llama2-70b", llama2, 80, 8192, 64, 8, 28672},          {"llama3-8b", llama3, 32, 4096, 32, 8, 14336},
    {"llama3-70b", llama3, 80, 8192, 64, 8, 28672},          {"llama3.1-8b", llama31, 32, 4096, 32, 8, 14336},
    {"llama3.1-70b", llama31, 80, 8192, 64, 8, 28672},       {"llama3.1-405b", llama31, 126, 16384, 128, 8, 53248},
    {"llama3.2-1b", llama32, 16, 2048, 32, 8, 8192, true},   {"llama3.2-3b", llama32, 28, 3072, 24, 8, 8192, true},
    {"mistral-7b-v0.1", mistral1, 32, 4096, 32, 8, 14336},   {"mistral-7b-v0.3", mistral3, 32, 4096, 32, 8, 14336},
    {"qwen2-0.5b", qwen2_small, 24, 896, 14, 2, 4864, true}, {"qwen2-1.5b", qwen2_small, 28, 1536, 12, 2, 8960, true},
    {"qwen2-7b", qwen2_7b, 28, 3584, 28, 4, 18944},          {"qwen2-72b", qwen2_72b, 80, 8192, 64, 8, 29568},
};

// What a preset does not say is as it is by default, whatever another one has set before.
void apply(ModelOptions& options, const GptPreset& preset) {
  options = {};
  options.architecture = Architecture::gpt;
  options.num_layers = preset.layers;
  options.hidden_size = preset.hidden;
  options.num_attention_heads = preset.heads;
  options.max_position_embeddings = preset.positions;
  options.vocab_size = gpt2_vocabulary;
}

void apply(ModelOptions& options, const LlamaPreset& preset) {
  const LlamaFamily& family = preset.family;
  options = {};
  options.architecture = Architecture::llama;
  options.num_layers = preset.layers;
  options.hidden_size = preset.hidden;
  options.num_attention_heads = preset.heads;
  options.num_query_groups = preset.kv_heads;
  options.ffn_hidden_size = preset.feed_forward;
  options.max_position_embeddings = family.positions;
  options.vocab_size = family.vocabulary;
  options.untie_embeddings_and_output_weights = !preset.tied;
  options.add_qkv_bias = family.qkv_bias;
  options.rotary_base = family.rotary_base;
  options.layernorm_epsilon = family.epsilon;
  options.window_size = family.window;
  options.use_rope_scaling = family.scaling_factor > 0;
  if (options.use_rope_scaling) options.rope_scaling_factor = family.scaling_factor;
}

template <class Presets>
bool apply_named(ModelOptions& options, const std::string& name, const Presets& presets) {
  for (const auto& preset : presets) {
    if (name != preset.name) continue;
    apply(options, preset);
    options.preset = name;
    return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const GptPreset& preset : gpt_presets) names.emplace_back(preset.name);
  for (const LlamaPreset& preset : llama_presets) names.emplace_back(preset.name);
  return names;
}

void apply_preset(ModelOptions& options, const std::string& name) {
  if (apply_named(options, name, gpt_presets) || apply_named(options, name, llama_presets)) return;
  const std::vector<std::string> names = preset_names();
  const std::string nearest = nearest_word(name, names);
  std::string known;
  for (const std::string& preset : names) known += (known.empty() ? "" : ", ") + preset;
  throw_user("model.preset = {}: no such preset{}; known are {}", name,
             nearest.empty() ? "" : " (did you mean " + nearest + "?)", known);
}

std::vector<std::string> changes_to_preset(const ModelOptions& options) {
  if (options.preset.empty()) return {};
  ModelOptions changed = options;
  ModelOptions published;
  apply_preset(published, options.preset);
  published.preset = options.preset;
  for (ModelOptions* model : {&changed, &published}) model->fill_in_sizes();
  OptionTable of_changed, of_published;
  changed.describe(of_changed);
  published.describe(of_published);
  std::vector<std::string> changes;
  for (size_t i = 0; i < of_changed.options().size(); ++i) {
    const Option& option = of_changed.options()[i];
    const std::string before = of_published.options()[i].get();
    if (option.get() != before) changes.push_back(fmt::format("{} {} ({})", option.key, option.get(), before));
  }
  return changes;
}

}  // namespace kumiko
