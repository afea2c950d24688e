#include "kumiko/convert/names.h"

#include <gtest/gtest.h>

#include <map>

#include "kumiko/model/model.h"

namespace kumiko {
namespace {

ModelOptions sizes(Architecture architecture) {
  ModelOptions options;
  options.architecture = architecture;
  options.num_layers = 3;
  options.hidden_size = 36;
  options.num_attention_heads = 3;
  options.max_position_embeddings = 20;
  options.vocab_size = 131;
  options.ffn_hidden_size = 50;
  return options;
}

// The tables against the models themselves: each of their tensors, no other, of the same shape.
void expect_names_of_model(const ModelOptions& options) {
  options.validate();
  std::map<std::string, std::string> expected;
  const Model model(options);
  for (const auto& parameter : model.parameters().all()) {
    for (const ParameterPart& part : parameter->parts) expected[part.name] = part.global_shape.to_string();
  }
  std::map<std::string, std::string> named;
  for (const ForeignTensor& tensor : foreign_tensors(options)) {
    for (const LogicalTensor& part : tensor.parts) {
      EXPECT_TRUE(named.emplace(part.name, part.shape.to_string()).second) << part.name;
    }
  }
  EXPECT_EQ(named, expected);
}

TEST(ConvertNames, CoverGptToTheLastTensor) {
  ModelOptions options = sizes(Architecture::gpt);
  expect_names_of_model(options);
  options.untie_embeddings_and_output_weights = true;
  expect_names_of_model(options);
}

TEST(ConvertNames, CoverLlamaToTheLastTensor) {
  ModelOptions options = sizes(Architecture::llama);
  expect_names_of_model(options);
  options.untie_embeddings_and_output_weights = true;
  options.num_query_groups = 1;
  options.kv_channels = 10;
  expect_names_of_model(options);
  options.add_qkv_bias = true;
  expect_names_of_model(options);
}

TEST(ConvertNames, TellBuffersFromParameters) {
  EXPECT_TRUE(is_hf_buffer(Architecture::gpt, "h.0.attn.bias"));
  EXPECT_TRUE(is_hf_buffer(Architecture::gpt, "transformer.h.11.attn.masked_bias"));
  EXPECT_FALSE(is_hf_buffer(Architecture::gpt, "h.0.attn.c_attn.bias"));
  EXPECT_TRUE(is_hf_buffer(Architecture::llama, "model.layers.0.self_attn.rotary_emb.inv_freq"));
  EXPECT_FALSE(is_hf_buffer(Architecture::llama, "model.layers.0.self_attn.q_proj.bias"));
}

}  // namespace
}  // namespace kumiko
