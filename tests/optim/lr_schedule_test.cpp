#include "kumiko/optim/lr_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
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

std::string message_of(OptimizerOptions options, int64_t train_iters = 100) {
  try {
    options.validate();
    options.resolve_schedule(train_iters);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(OptimizerOptions, NamesWhatDoesNotFit) {
  OptimizerOptions options;
  options.lr = -1;
  EXPECT_EQ(message_of(options), "optimizer.lr = -1: expected a finite number, 0 or more");
  options.lr = INFINITY;
  EXPECT_EQ(message_of(options), "optimizer.lr = inf: expected a finite number, 0 or more");
  options.lr = NAN;
  EXPECT_EQ(message_of(options), "optimizer.lr = nan: expected a finite number, 0 or more");
  options.lr = 1e-4;
  options.min_lr = 1e-3;
  EXPECT_EQ(message_of(options), "optimizer.min_lr = 0.001 is larger than optimizer.lr = 0.0001");
  options.min_lr = 0;
  options.lr_warmup_init = 2e-4;
  EXPECT_EQ(message_of(options),
            "optimizer.lr_warmup_init = 0.0002 is larger than optimizer.lr = 0.0001, where the warm-up ends");
  options.lr_warmup_init = 1e-4;
  EXPECT_EQ(message_of(options), "no error");
  options.adam_eps = INFINITY;
  EXPECT_EQ(message_of(options), "optimizer.adam_eps = inf: expected a finite number, more than 0");
}

TEST(OptimizerOptions, NameTheWarmUpsEndAsItWasGiven) {
  OptimizerOptions options;
  options.lr_warmup_iters = 20;
  options.lr_decay_iters = 20;
  EXPECT_EQ(message_of(options), "optimizer.lr_warmup_iters = 20 must be less than optimizer.lr_decay_iters = 20");
  options.lr_decay_iters = 0;
  EXPECT_EQ(message_of(options, 10),
            "optimizer.lr_warmup_iters = 20 must be less than train.train_iters = 10, where the decay ends unless "
            "optimizer.lr_decay_iters is given");
  EXPECT_EQ(message_of(options, 0), "no error");  // trains nothing
  EXPECT_EQ(message_of(options, 21), "no error");
  options.lr_decay_style = DecayStyle::constant;
  EXPECT_EQ(message_of(options, 10), "no error");
}

TEST(OptimizerOptions, TakeTheStepsOfTheRunForThoseOfTheDecay) {
  OptimizerOptions options;
  options.lr_decay_style = DecayStyle::wsd;
  options.lr_wsd_decay_iters = 40;
  options.lr_warmup_iters = 60;
  options.validate();  // before the steps of the run are known
  options.resolve_schedule(100);
  EXPECT_EQ(options.lr_decay_iters, 100);
  EXPECT_EQ(learning_rate(options, 60), options.lr);
  EXPECT_LT(learning_rate(options, 61), options.lr);
}

TEST(OptimizerOptions, RefuseADecayThatReachesIntoTheWarmUp) {
  OptimizerOptions options;
  options.lr_decay_style = DecayStyle::wsd;
  EXPECT_EQ(message_of(options),
            "optimizer.lr_wsd_decay_iters = 0: with optimizer.lr_decay_style = WSD the last part takes from 1 to 100 "
            "steps (train.train_iters = 100, where the decay ends)");
  options.lr_wsd_decay_iters = 41;
  options.lr_warmup_iters = 60;
  EXPECT_EQ(message_of(options),
            "optimizer.lr_wsd_decay_iters = 41: with optimizer.lr_decay_style = WSD the last part takes from 1 to 40 "
            "steps (train.train_iters = 100, where the decay ends, less optimizer.lr_warmup_iters = 60)");
  options.lr_decay_iters = 100;
  EXPECT_EQ(message_of(options),
            "optimizer.lr_wsd_decay_iters = 41: with optimizer.lr_decay_style = WSD the last part takes from 1 to 40 "
            "steps (optimizer.lr_decay_iters = 100 less optimizer.lr_warmup_iters = 60)");
}

}  // namespace
}  // namespace kumiko
