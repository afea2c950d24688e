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
  apply_preset(options, "gpt2-124m");
  options.num_attention_heads = 10;
  EXPECT_EQ(message_of([&] { options.validate(); }),
            "model.hidden_size = 768 does not divide by model.num_attention_heads = 10; the nearest sizes that do are "
            "760 and 770");
  options.num_attention_heads = 0;
  EXPECT_EQ(message_of([&] { options.validate(); }), "model.num_attention_heads = 0: expected 1 or more");
  options.num_attention_heads = 12;
  options.hidden_dropout = 1;
  EXPECT_EQ(message_of([&] { options.validate(); }), "model.hidden_dropout = 1: expected 0 or more and less than 1");
}

TEST(ApplyPreset, OffersTheNearestName) {
  ModelOptions options;
  EXPECT_EQ(message_of([&] { apply_preset(options, "gpt2-124"); }).substr(0, 72),
            "model.preset = gpt2-124: no such preset (did you mean gpt2-124m?); known");
}

TEST(ApplyPreset, KnowsEveryName) {
  for (const std::string& name : preset_names()) {
    ModelOptions options;
    apply_preset(options, name);
    options.validate();
  }
}

}  // namespace
}  // namespace kumiko
