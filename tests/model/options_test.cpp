#include "kumiko/model/options.h"

#include <gtest/gtest.h>

#include <functional>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(ModelOptions, NamesSizesThatDoNotDivide) {
  ModelOptions options;
  options.vocab_size = options.max_position_embeddings = 10;
  options.num_attention_heads = 10;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "model.hidden_size = 768 does not divide by model.num_attention_heads = 10; the nearest sizes that do are "
            "760 and 770");
  options.num_attention_heads = 0;
  options.fill_in_sizes();
  EXPECT_EQ(message_of([&] { options.validate(); }), "model.num_attention_heads = 0: expected 1 or more");
  options.num_attention_heads = 12;
  options.hidden_dropout = 1;
  EXPECT_EQ(message_of([&] { options.validate(); }), "model.hidden_dropout = 1: expected 0 or more and less than 1");
}

TEST(ModelOptions, NamesWhatAnArchitectureDoesNotHave) {
  ModelOptions options;
  options.vocab_size = options.max_position_embeddings = 10;
  options.num_query_groups = 4;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "model.num_query_groups is an option of model.architecture = llama; leave it out, or change the "
            "architecture");
  options.num_query_groups = 0;
  options.rotary_base = 500000;
  EXPECT_EQ(message_of([&] { options.validate(); }).substr(0, 62),
            "model.rotary_base is an option of model.architecture = llama; ");
  options.architecture = Architecture::llama;
  options.validate();
  options.num_query_groups = 5;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "model.num_query_groups = 5 does not divide model.num_attention_heads = 12: each group of queries shares "
            "one head of keys and values");
  options.num_query_groups = 0;
  options.kv_channels = 7;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "heads of size 7 (model.kv_channels, or hidden_size / num_attention_heads): rotary positions turn pairs of "
            "elements, so it must be even");
  options.kv_channels = 0;
  options.rope_high_freq_factor = 1;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "model.rope_high_freq_factor = 1: expected more than model.rope_low_freq_factor = 1");
}

TEST(ModelOptions, FeedForwardFollowsTheArchitecture) {
  ModelOptions options;
  options.hidden_size = 4096;
  EXPECT_EQ(options.feed_forward_size(), 16384);
  options.architecture = Architecture::llama;
  EXPECT_EQ(options.feed_forward_size(), 10880);  // Megatron's rule: the multiple of 64 below 8/3 H
}

}  // namespace
}  // namespace kumiko
