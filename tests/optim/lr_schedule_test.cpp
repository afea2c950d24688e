#include "kumiko/optim/lr_schedule.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Curves of Megatron's OptimizerParamScheduler: tests/reference/make_optim_fixtures.py.
TEST(LearningRate, IsMegatrons) {
  const auto fixture = nlohmann::json::parse(std::ifstream(KUMIKO_FIXTURES "/optim/lr_schedules.json"));
  ASSERT_FALSE(fixture.at("cases").empty());
  for (const auto& expected : fixture.at("cases")) {
    OptimizerOptions options;
    OptionTable table;
    options.describe(table);
    const auto set = [&](const std::string& name, const std::string& text) {
      table.set("optimizer." + name, text, "fixture");
    };
    options.lr_warmup_init = expected.at("init_lr");
    options.lr = expected.at("max_lr");
    options.min_lr = expected.at("min_lr");
    options.lr_warmup_iters = expected.at("lr_warmup");
    options.lr_decay_iters = expected.at("lr_decay");
    set("lr_decay_style", expected.at("lr_decay_style"));
    if (expected.contains("lr_wsd_decay")) {
      options.lr_wsd_decay_iters = expected.at("lr_wsd_decay");
      set("lr_wsd_decay_style", expected.at("lr_wsd_decay_style"));
    }
    options.validate();
    for (size_t i = 0; i < expected.at("steps").size(); ++i) {
      const double lr = expected.at("lr")[i];
      // Both compute in double; a few roundings apart.
      EXPECT_NEAR(learning_rate(options, expected.at("steps")[i]), lr, 1e-14 * options.lr)
          << expected.at("lr_decay_style") << " step " << expected.at("steps")[i];
    }
  }
}

TEST(OptimizerOptions, NamesWhatDoesNotFit) {
  const auto message_of = [](const OptimizerOptions& options) -> std::string {
    try {
      options.validate();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  OptimizerOptions options;
  options.lr = -1;
  EXPECT_EQ(message_of(options), "optimizer.lr = -1: expected 0 or more");
  options.lr = 1e-4;
  options.min_lr = 1e-3;
  EXPECT_EQ(message_of(options), "optimizer.min_lr = 0.001 is larger than optimizer.lr = 0.0001");
  options.min_lr = 0;
  options.lr_warmup_iters = 20;
  options.lr_decay_iters = 10;
  EXPECT_EQ(message_of(options), "optimizer.lr_warmup_iters = 20 must be less than optimizer.lr_decay_iters = 10");
}

}  // namespace
}  // namespace kumiko
