#include "kumiko/model/presets.h"

#include <gtest/gtest.h>

#include <map>

#include "kumiko/base/error.h"
#include "kumiko/model/model.h"

namespace kumiko {
namespace {

TEST(ApplyPreset, OffersTheNearestName) {
  ModelOptions options;
  try {
    apply_preset(options, "gpt2-124");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 72),
              "model.preset = gpt2-124: no such preset (did you mean gpt2-124m?); known");
  }
}

TEST(ApplyPreset, LeavesNothingOfAnother) {
  ModelOptions one;
  apply_preset(one, "gpt3-6.7b");
  ModelOptions other;
  apply_preset(other, "mistral-7b-v0.1");
  apply_preset(other, "gpt3-6.7b");
  EXPECT_EQ(other.feed_forward_size(), 4 * 4096);
  OptionTable expected;
  one.describe(expected);
  OptionTable actual;
  other.describe(actual);
  for (size_t i = 0; i < actual.options().size(); ++i) {
    EXPECT_EQ(actual.options()[i].get(), expected.options()[i].get()) << actual.options()[i].name();
  }
}

TEST(ApplyPreset, KnowsEveryName) {
  for (const std::string& name : preset_names()) {
    ModelOptions options;
    apply_preset(options, name);
    options.validate();
  }
}

TEST(ApplyPreset, WhatOtherOptionsMadeOfItIsListed) {
  ModelOptions options;
  EXPECT_EQ(changes_to_preset(options), std::vector<std::string>{});
  options.num_layers = 3;
  EXPECT_EQ(changes_to_preset(options), std::vector<std::string>{});
  for (const std::string& name : preset_names()) {
    apply_preset(options, name);
    options.preset = name;
    EXPECT_EQ(changes_to_preset(options), std::vector<std::string>{}) << name;
  }
  apply_preset(options, "gpt2-124m");
  options.preset = "gpt2-124m";
  options.num_layers = 3;
  options.hidden_dropout = 0.25;
  EXPECT_EQ(changes_to_preset(options), (std::vector<std::string>{"num_layers 3 (12)", "hidden_dropout 0.25 (0)"}));
}

// The sizes that the models were published with.
TEST(ApplyPreset, GivesThePublishedNumberOfParameters) {
  const std::map<std::string, int64_t> published = {
      {"gpt2-124m", 124'439'808},       {"gpt2-1.5b", 1'557'611'200},       {"llama2-7b", 6'738'415'616},
      {"llama2-13b", 13'015'864'320},   {"llama2-70b", 68'976'648'192},     {"llama3-8b", 8'030'261'248},
      {"llama3.1-70b", 70'553'706'496}, {"llama3.1-405b", 405'853'388'800}, {"llama3.2-1b", 1'235'814'400},
      {"llama3.2-3b", 3'212'749'824},   {"mistral-7b-v0.1", 7'241'732'096}, {"mistral-7b-v0.3", 7'248'023'552},
      {"qwen2-0.5b", 494'032'768},      {"qwen2-1.5b", 1'543'714'304},      {"qwen2-7b", 7'615'616'512},
      {"qwen2-72b", 72'706'203'648},
  };
  for (const auto& [name, parameters] : published) {
    ModelOptions options;
    apply_preset(options, name);
    EXPECT_EQ(count_parameters(options), parameters) << name;
  }
  ModelOptions gpt3;
  apply_preset(gpt3, "gpt3-175b");
  EXPECT_NEAR(static_cast<double>(count_parameters(gpt3)), 175e9, 1e9);
}

}  // namespace
}  // namespace kumiko
