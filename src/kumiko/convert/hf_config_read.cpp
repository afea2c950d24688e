#include <algorithm>
#include <array>

#include "kumiko/base/error.h"
#include "kumiko/convert/hf_config.h"
#include "kumiko/convert/hf_settings.h"

namespace kumiko {
namespace {

using nlohmann::json;

// What changes nothing of what the layers compute.
const std::vector<std::string>& indifferent_settings() {
  static const std::vector<std::string> keys = {"_attn_implementation_autoset",
                                                "_name_or_path",
                                                "architectures",
                                                "bos_token_id",
                                                "dtype",
                                                "eos_token_id",
                                                "gradient_checkpointing",
                                                "id2label",
                                                "is_decoder",
                                                "label2id",
                                                "model_type",
                                                "n_ctx",
                                                "output_attentions",
                                                "output_hidden_states",
                                                "pad_token_id",
                                                "pretraining_tp",
                                                "return_dict",
                                                "summary_activation",
                                                "summary_first_dropout",
                                                "summary_proj_to_labels",
                                                "summary_type",
                                                "summary_use_proj",
                                                "task_specific_params",
                                                "torch_dtype",
                                                "transformers_version",
                                                "unsloth_version",
                                                "use_cache"};
  return keys;
}

// The rotary settings as one of the two spellings gives them.
struct RotarySettings {
  json theta;  // null: not given
  json scaling = json::object();
};

std::string rotary_type(const json& scaling) {
  for (const char* key : {"rope_type", "type"}) {
    if (scaling.contains(key) && scaling.at(key).is_string()) return scaling.at(key).get<std::string>();
  }
  return "default";
}

constexpr const char* new_spelling = "rope_parameters";
constexpr const char* old_spelling = "rope_scaling";
constexpr std::array scaling_numbers = {"factor", "low_freq_factor", "high_freq_factor",
                                        "original_max_position_embeddings"};

// Newer versions of transformers keep all in rope_parameters; older ones have rope_theta beside rope_scaling. A file
// that has both must mean the same by them.
RotarySettings rotary_settings(HfSettings& settings) {
  const auto object = [&settings](const char* key) {
    const json& value = settings.json(key);
    if (!value.is_null() && !value.is_object()) settings.complain(key, "expected an object");
    return value.is_object() ? value : json::object();
  };
  const json newer = object(new_spelling);
  const json older = object(old_spelling);
  RotarySettings rotary;
  rotary.theta = newer.contains("rope_theta") ? newer.at("rope_theta") : settings.json("rope_theta");
  if (older.contains("rope_theta")) {
    if (rotary.theta.is_null()) rotary.theta = older.at("rope_theta");
    if (older.at("rope_theta") != rotary.theta) {
      settings.complain(old_spelling, fmt::format("but the rotary base is {} elsewhere", rotary.theta.dump()));
    }
  }
  if (newer.contains("rope_theta") && settings.has("rope_theta") && settings.json("rope_theta") != rotary.theta) {
    settings.complain("rope_theta", fmt::format("but {} says {}", new_spelling, rotary.theta.dump()));
  }
  rotary.scaling = settings.has(new_spelling) ? newer : older;
  if (settings.has(new_spelling) && settings.has(old_spelling)) {
    bool same = rotary_type(newer) == rotary_type(older);
    for (const char* key : scaling_numbers) {
      if (newer.contains(key) || older.contains(key))
        same = same && newer.value(key, json()) == older.value(key, json());
    }
    if (!same) settings.complain(old_spelling, fmt::format("but {} is {}", new_spelling, newer.dump()));
  }
  return rotary;
}

void read_rotary(HfSettings& settings, ModelOptions& model) {
  const RotarySettings rotary = rotary_settings(settings);
  const char* spelling = settings.has(new_spelling) ? new_spelling : old_spelling;
  if (rotary.theta.is_number()) {
    model.rotary_base = rotary.theta.get<double>();
  } else if (!rotary.theta.is_null()) {
    settings.complain(settings.has("rope_theta") ? "rope_theta" : spelling, "expected a number as the rotary base");
  }
  if (settings.number("partial_rotary_factor", 1) != 1 || rotary.scaling.value("partial_rotary_factor", json(1)) != 1) {
    settings.complain(settings.has("partial_rotary_factor") ? "partial_rotary_factor" : spelling,
                      "here all of a head's elements are turned");
  }
  const std::string type = rotary_type(rotary.scaling);
  if (type == "default") return;
  if (type != "llama3") {
    settings.complain(spelling, "known rotary scalings are default and llama3, not " + type);
    return;
  }
  for (const char* key : scaling_numbers) {
    if (rotary.scaling.contains(key) && rotary.scaling.at(key).is_number()) continue;
    settings.complain(spelling, fmt::format("the rotary scaling llama3 needs a number {}", key));
    return;
  }
  model.use_rope_scaling = true;
  model.rope_scaling_factor = rotary.scaling.at("factor").get<double>();
  model.rope_low_freq_factor = rotary.scaling.at("low_freq_factor").get<double>();
  model.rope_high_freq_factor = rotary.scaling.at("high_freq_factor").get<double>();
  model.rope_original_max_position_embeddings = rotary.scaling.at("original_max_position_embeddings").get<int64_t>();
}

// Which layers attend over a window; all must be alike.
int64_t window_of(HfSettings& settings, const std::string& type, int64_t num_layers) {
  constexpr int64_t default_window = 4096;  // of both families, where the setting is absent
  int64_t window = settings.integer("sliding_window", settings.given("sliding_window") ? 0 : default_window);
  int64_t first_layer = 0;
  if (type == "llama") window = 0;  // the setting has no effect there
  if (type == "qwen2") {
    first_layer = settings.integer("max_window_layers", 28);
    if (!settings.flag("use_sliding_window", false)) window = 0;
  }
  int64_t num_sliding = window == 0 ? 0 : std::max<int64_t>(0, num_layers - first_layer);
  if (const json& types = settings.json("layer_types"); types.is_array()) {
    num_sliding = std::count(types.begin(), types.end(), json("sliding_attention"));
    const auto num_full = std::count(types.begin(), types.end(), json("full_attention"));
    if (num_sliding + num_full != num_layers) {
      settings.complain("layer_types", "expected full_attention or sliding_attention for each layer");
      return 0;
    }
  }
  if (num_sliding == 0 || window == 0) return 0;
  if (num_sliding < num_layers) {
    const char* key = settings.has("layer_types") ? "layer_types" : "max_window_layers";
    settings.complain(key, "here all layers attend over the same window, or none");
  }
  return window;
}

ModelOptions read_gpt2(HfSettings& settings) {
  ModelOptions model;
  model.architecture = Architecture::gpt;
  model.num_layers = settings.size("n_layer");
  model.hidden_size = settings.size("n_embd");
  model.num_attention_heads = settings.size("n_head");
  model.max_position_embeddings = settings.size("n_positions");
  model.vocab_size = settings.size("vocab_size");
  model.ffn_hidden_size = settings.integer("n_inner", 0);
  model.layernorm_epsilon = settings.number("layer_norm_epsilon", 1e-5);
  model.init_method_std = settings.number("initializer_range", 0.02);
  model.untie_embeddings_and_output_weights = !settings.flag("tie_word_embeddings", true);
  model.hidden_dropout = settings.number("resid_pdrop", 0.1);
  model.attention_dropout = settings.number("attn_pdrop", 0.1);
  if (settings.number("embd_pdrop", 0.1) != model.hidden_dropout) {
    settings.complain("embd_pdrop", fmt::format("here embeddings and blocks share one dropout, and resid_pdrop is {}",
                                                model.hidden_dropout));
  }
  const std::string activation = settings.text("activation_function", "gelu_new");
  if (activation != "gelu_new" && activation != "gelu_pytorch_tanh") {
    settings.complain("activation_function", "expected gelu_new, or gelu_pytorch_tanh, which is the same");
  }
  settings.require("scale_attn_weights", true, true, "here attention scores are divided by the root of a head's size");
  settings.require("scale_attn_by_inverse_layer_idx", false, false, "attention scores do not depend on the layer here");
  settings.require("reorder_and_upcast_attn", false, false, "attention has no other order or precision here");
  settings.require("add_cross_attention", false, false, "there is no attention to another sequence here");
  return model;
}

ModelOptions read_llama(HfSettings& settings, const std::string& type) {
  ModelOptions model;
  model.architecture = Architecture::llama;
  model.num_layers = settings.size("num_hidden_layers");
  model.hidden_size = settings.size("hidden_size");
  model.num_attention_heads = settings.size("num_attention_heads");
  model.ffn_hidden_size = settings.size("intermediate_size");
  model.vocab_size = settings.size("vocab_size");
  model.max_position_embeddings = settings.size("max_position_embeddings");
  // The defaults are those of the classes in transformers.
  const int64_t kv_heads = type == "mistral" ? 8 : type == "qwen2" ? 32 : model.num_attention_heads;
  const bool given = settings.given("num_key_value_heads");
  model.num_query_groups = settings.integer("num_key_value_heads", given ? model.num_attention_heads : kv_heads);
  model.kv_channels = settings.integer("head_dim", 0);
  model.layernorm_epsilon = settings.number("rms_norm_eps", 1e-6);
  model.init_method_std = settings.number("initializer_range", 0.02);
  model.untie_embeddings_and_output_weights = !settings.flag("tie_word_embeddings", false);
  model.attention_dropout = settings.number("attention_dropout", 0);
  model.add_qkv_bias = type == "qwen2";
  const std::string activation = settings.text("hidden_act", "silu");
  if (activation != "silu" && activation != "swish") settings.complain("hidden_act", "expected silu");
  settings.require("attention_bias", false, false,
                   "the attention of this family has no biases here, or as Qwen2 those of queries, keys and values");
  settings.require("mlp_bias", false, false, "the MLP of this family has no biases here");
  read_rotary(settings, model);
  model.window_size = window_of(settings, type, model.num_layers);
  return model;
}

}  // namespace

ModelOptions model_of_hf_config(const std::string& text, const std::string& origin) {
  HfSettings settings(text, origin);
  const std::string type = settings.text("model_type", "");
  constexpr std::array known = {"gpt2", "llama", "mistral", "qwen2"};
  if (std::find(known.begin(), known.end(), type) == known.end()) {
    throw_user("{}: model_type = {}: expected gpt2, llama, mistral or qwen2", origin,
               settings.json("model_type").dump());
  }
  settings.pass_over(indifferent_settings());
  if (settings.has("quantization_config")) {
    settings.complain("quantization_config", "quantised weights cannot be trained; take the model as it was before");
  }
  constexpr int64_t most_layers = 10000;
  const char* layers = type == "gpt2" ? "n_layer" : "num_hidden_layers";
  if (settings.integer(layers, 1) > most_layers) {
    throw_user("{}: {} = {}: expected {} at most", origin, layers, settings.json(layers).dump(), most_layers);
  }
  ModelOptions model = type == "gpt2" ? read_gpt2(settings) : read_llama(settings, type);
  settings.finish();
  try {
    model.fill_in_sizes();
    model.validate();
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("{}: {}", origin, error.what()));
  }
  return model;
}

}  // namespace kumiko
