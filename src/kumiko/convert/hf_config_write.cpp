#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/convert/hf_config.h"

namespace kumiko {
namespace {

using Json = nlohmann::ordered_json;

void write_gpt2(Json& config, const ModelOptions& model) {
  config["model_type"] = "gpt2";
  config["architectures"] = {"GPT2LMHeadModel"};
  config["n_layer"] = model.num_layers;
  config["n_embd"] = model.hidden_size;
  config["n_head"] = model.num_attention_heads;
  config["n_positions"] = model.max_position_embeddings;
  config["n_inner"] = model.feed_forward_size();
  config["vocab_size"] = model.vocab_size;
  config["activation_function"] = "gelu_new";
  config["layer_norm_epsilon"] = model.layernorm_epsilon;
  config["initializer_range"] = model.init_method_std;
  config["embd_pdrop"] = model.hidden_dropout;
  config["resid_pdrop"] = model.hidden_dropout;
  config["attn_pdrop"] = model.attention_dropout;
}

void write_rotary(Json& config, const ModelOptions& model) {
  Json scaling = nullptr;
  if (model.use_rope_scaling) {
    scaling = {{"rope_type", "llama3"},
               {"factor", model.rope_scaling_factor},
               {"low_freq_factor", model.rope_low_freq_factor},
               {"high_freq_factor", model.rope_high_freq_factor},
               {"original_max_position_embeddings", model.rope_original_max_position_embeddings}};
  }
  config["rope_theta"] = model.rotary_base;
  config["rope_scaling"] = scaling;
  config["rope_parameters"] = scaling.is_null() ? Json{{"rope_type", "default"}} : scaling;
  config["rope_parameters"]["rope_theta"] = model.rotary_base;
}

void write_llama(Json& config, const ModelOptions& model) {
  const bool has_window = model.window_size != 0;
  if (model.add_qkv_bias) {
    config["model_type"] = "qwen2";
    config["architectures"] = {"Qwen2ForCausalLM"};
    config["use_sliding_window"] = has_window;
    config["max_window_layers"] = has_window ? 0 : model.num_layers;
  } else if (has_window) {
    config["model_type"] = "mistral";
    config["architectures"] = {"MistralForCausalLM"};
  } else {
    config["model_type"] = "llama";
    config["architectures"] = {"LlamaForCausalLM"};
    config["attention_bias"] = false;
    config["mlp_bias"] = false;
  }
  if (has_window || model.add_qkv_bias) {
    config["sliding_window"] = has_window ? Json(model.window_size) : Json(nullptr);
  }
  config["num_hidden_layers"] = model.num_layers;
  config["hidden_size"] = model.hidden_size;
  config["num_attention_heads"] = model.num_attention_heads;
  config["num_key_value_heads"] = model.num_kv_heads();
  config["head_dim"] = model.head_size();
  config["intermediate_size"] = model.feed_forward_size();
  config["vocab_size"] = model.vocab_size;
  config["max_position_embeddings"] = model.max_position_embeddings;
  config["hidden_act"] = "silu";
  config["rms_norm_eps"] = model.layernorm_epsilon;
  config["initializer_range"] = model.init_method_std;
  config["attention_dropout"] = model.attention_dropout;
  write_rotary(config, model);
}

}  // namespace

std::string_view hf_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float32";
    case DType::bf16:
      return "bfloat16";
    case DType::f16:
      return "float16";
    default:
      throw_internal("no model is exported in {}", name_of(dtype));
  }
}

std::string hf_config_of_model(const ModelOptions& model, DType dtype, const HfTokenIds& ids) {
  Json config;
  model.architecture == Architecture::gpt ? write_gpt2(config, model) : write_llama(config, model);
  config["tie_word_embeddings"] = !model.untie_embeddings_and_output_weights;
  config["bos_token_id"] = Json::parse(ids.bos);
  config["eos_token_id"] = Json::parse(ids.eos);
  config["pad_token_id"] = Json::parse(ids.pad);
  config["dtype"] = hf_name(dtype);
  config["torch_dtype"] = hf_name(dtype);
  config["use_cache"] = true;
  return config.dump(2) + "\n";
}

}  // namespace kumiko
