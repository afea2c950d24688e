#include "kumiko/convert/hf_config.h"

#include <gtest/gtest.h>

#include "convert/hf_testing.h"
#include "kumiko/train/config.h"

namespace kumiko {
namespace {

using namespace test;
using nlohmann::json;

json config_of(const std::string& fixture) { return read_json(hf_fixture(fixture) / "config.json"); }
ModelOptions model_of(const json& config) { return model_of_hf_config(config.dump(), "config.json"); }

std::string all_options(const ModelOptions& model) {
  Config config;
  config.model = model;
  return config.to_toml();
}

TEST(HfConfig, SaysTheSameThereAndBack) {
  for (const char* name : {"gpt2", "gpt2_untied", "llama2", "llama31", "mistral", "qwen2", "mqa"}) {
    const ModelOptions model = model_of(config_of(name));
    const std::string written = hf_config_of_model(model, DType::f32, {});
    EXPECT_EQ(all_options(model_of_hf_config(written, "back")), all_options(model)) << name;
    // Every setting of ours that theirs has too means the same.
    const json theirs = config_of(name);
    const json ours = json::parse(written);
    for (const auto& [key, value] : ours.items()) {
      if (!theirs.contains(key) || key.ends_with("token_id") || key == "n_inner" || key == "max_window_layers") {
        continue;
      }
      EXPECT_EQ(value, theirs.at(key)) << name << " " << key;
    }
  }
}

TEST(HfConfig, ReadsGpt2) {
  const ModelOptions model = model_of(config_of("gpt2_untied"));
  EXPECT_EQ(model.architecture, Architecture::gpt);
  EXPECT_EQ(model.num_layers, 2);
  EXPECT_EQ(model.hidden_size, 14);
  EXPECT_EQ(model.num_attention_heads, 2);
  EXPECT_EQ(model.max_position_embeddings, 16);
  EXPECT_EQ(model.feed_forward_size(), 34);
  EXPECT_EQ(model.vocab_size, 61);
  EXPECT_EQ(model.layernorm_epsilon, 1e-6);
  EXPECT_EQ(model.hidden_dropout, 0);
  EXPECT_TRUE(model.untie_embeddings_and_output_weights);
  EXPECT_FALSE(model_of(config_of("gpt2")).untie_embeddings_and_output_weights);
}

TEST(HfConfig, ReadsTheLlamaFamily) {
  const ModelOptions scaled = model_of(config_of("llama31"));
  EXPECT_EQ(scaled.architecture, Architecture::llama);
  EXPECT_TRUE(scaled.use_rope_scaling);
  EXPECT_EQ(scaled.rotary_base, 100);
  EXPECT_EQ(scaled.rope_scaling_factor, 8);
  EXPECT_EQ(scaled.rope_original_max_position_embeddings, 64);
  EXPECT_FALSE(scaled.untie_embeddings_and_output_weights);
  const ModelOptions mistral = model_of(config_of("mistral"));
  EXPECT_EQ(mistral.window_size, 5);
  EXPECT_EQ(mistral.head_size(), 6);
  EXPECT_EQ(mistral.num_kv_heads(), 2);
  EXPECT_FALSE(mistral.use_rope_scaling);
  const ModelOptions qwen2 = model_of(config_of("qwen2"));
  EXPECT_TRUE(qwen2.add_qkv_bias);
  EXPECT_EQ(qwen2.window_size, 0);
  EXPECT_EQ(model_of(config_of("mqa")).num_kv_heads(), 1);
}

TEST(HfConfig, ReadsTheOldSpellingOfRotarySettings) {
  json config = config_of("llama31");
  json scaling = config.at("rope_parameters");
  config.erase("rope_parameters");
  scaling.erase("rope_theta");
  config["rope_theta"] = 100.0;
  config["rope_scaling"] = scaling;
  EXPECT_EQ(all_options(model_of(config)), all_options(model_of(config_of("llama31"))));
  config["rope_scaling"] = nullptr;
  EXPECT_FALSE(model_of(config).use_rope_scaling);
  config.erase("rope_theta");
  EXPECT_EQ(model_of(config).rotary_base, 10000);
  // The base among the scaling's settings, where transformers looks too.
  config["rope_scaling"] = {{"rope_type", "default"}, {"rope_theta", 5e5}};
  EXPECT_EQ(model_of(config).rotary_base, 5e5);
  config["rope_theta"] = 1e4;
  EXPECT_NE(message_of([&] { model_of(config); }).find("but the rotary base is 10000.0 elsewhere"), std::string::npos);
  // Both, and not the same.
  config = config_of("llama31");
  config["rope_theta"] = 200.0;
  config["rope_scaling"] = {{"rope_type", "llama3"}, {"factor", 4.0}};
  const std::string message = message_of([&] { model_of(config); });
  EXPECT_NE(message.find("rope_theta = 200.0: but rope_parameters says 100.0"), std::string::npos) << message;
  EXPECT_NE(message.find("rope_scaling = {"), std::string::npos) << message;
}

TEST(HfConfig, TakesTheDefaultsOfEachFamily) {
  json mistral = config_of("mistral");
  mistral.erase("sliding_window");
  EXPECT_EQ(model_of(mistral).window_size, 4096);
  mistral["sliding_window"] = nullptr;
  EXPECT_EQ(model_of(mistral).window_size, 0);
  json llama = config_of("llama2");
  llama.erase("num_key_value_heads");
  llama.erase("head_dim");
  EXPECT_EQ(model_of(llama).num_kv_heads(), 4);
  EXPECT_EQ(model_of(llama).head_size(), 4);
  json qwen2 = config_of("qwen2");
  qwen2.erase("layer_types");
  qwen2["use_sliding_window"] = true;
  qwen2["sliding_window"] = 7;
  EXPECT_EQ(model_of(qwen2).window_size, 0);  // max_window_layers is 28
  qwen2["max_window_layers"] = 0;
  EXPECT_EQ(model_of(qwen2).window_size, 7);
  const std::string written = hf_config_of_model(model_of(qwen2), DType::f32, {});
  EXPECT_EQ(model_of_hf_config(written, "back").window_size, 7);
}

void expect_refusal(const std::string& fixture, const json& change, const std::vector<std::string>& phrases) {
  json config = config_of(fixture);
  config.update(change);
  const std::string message = message_of([&] { model_of(config); });
  for (const std::string& phrase : phrases) EXPECT_NE(message.find(phrase), std::string::npos) << message;
}

TEST(HfConfig, RefusesWhatCanOnlyBeDamage) {
  expect_refusal("llama2", {{"head_dim", int64_t{1} << 62}},
                 {"head_dim = 4611686018427387904: expected a whole number"});
  expect_refusal("llama2", {{"num_hidden_layers", 2000000000}},
                 {"num_hidden_layers = 2000000000: expected 10000 at most"});
  const std::string deep(300'000, '[');
  const std::string message =
      message_of([&] { model_of_hf_config("{\"x\": " + deep + std::string(deep.size(), ']') + "}", "config.json"); });
  EXPECT_NE(message.find("nested more than 200 levels deep"), std::string::npos) << message;
}

TEST(HfConfig, RefusesByNameWhatTheLayersDoNotHave) {
  expect_refusal("gpt2", {{"activation_function", "relu"}}, {"activation_function = \"relu\": expected gelu_new"});
  expect_refusal("gpt2", {{"scale_attn_by_inverse_layer_idx", true}, {"reorder_and_upcast_attn", true}},
                 {"scale_attn_by_inverse_layer_idx = true", "reorder_and_upcast_attn = true"});
  expect_refusal("gpt2", {{"scale_attn_weights", false}}, {"scale_attn_weights = false"});
  expect_refusal("gpt2", {{"embd_pdrop", 0.5}}, {"embd_pdrop = 0.5"});
  expect_refusal("gpt2", {{"model_type", "bloom"}}, {"model_type = \"bloom\": expected gpt2, llama, mistral or qwen2"});
  expect_refusal("gpt2", {{"n_layer", nullptr}, {"n_head", "four"}}, {"n_layer is missing", "n_head = \"four\""});
  expect_refusal("llama2", {{"attention_bias", true}, {"mlp_bias", true}, {"hidden_act", "gelu"}},
                 {"attention_bias = true", "mlp_bias = true", "hidden_act = \"gelu\""});
  expect_refusal("llama2", {{"rope_parameters", {{"rope_type", "yarn"}, {"rope_theta", 1e4}}}},
                 {"default and llama3, not yarn"});
  expect_refusal("llama31", {{"rope_parameters", {{"rope_type", "llama3"}, {"factor", 8}}}},
                 {"needs a number low_freq_factor"});
  expect_refusal("llama2", {{"quantization_config", {{"bits", 4}}}}, {"quantization_config"});
  expect_refusal("llama2", {{"num_key_value_heads", 3}}, {"num_query_groups = 3 does not divide"});
  expect_refusal(
      "qwen2",
      {{"layer_types", {"full_attention", "sliding_attention"}}, {"use_sliding_window", true}, {"sliding_window", 4}},
      {"layer_types"});
}

}  // namespace
}  // namespace kumiko
