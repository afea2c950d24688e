#include "kumiko/optim/loss_scale.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Megatron's DynamicGradScaler: tests/reference/make_loss_scale_fixture.py. A restored scale goes on as the first.
TEST(LossScale, IsMegatrons) {
  const auto fixture = nlohmann::json::parse(std::ifstream(KUMIKO_FIXTURES "/optim/loss_scales.json"));
  ASSERT_FALSE(fixture.at("cases").empty());
  for (const auto& expected : fixture.at("cases")) {
    LossScaleOptions options;
    options.initial_loss_scale = expected.at("initial_loss_scale");
    options.min_loss_scale = expected.at("min_loss_scale");
    options.loss_scale_window = expected.at("loss_scale_window");
    options.hysteresis = expected.at("hysteresis");
    options.validate();
    LossScale scale = LossScale::dynamic(options);
    for (size_t i = 0; i < expected.at("overflow").size(); ++i) {
      scale.update(expected.at("overflow")[i] == 1);
      EXPECT_EQ(scale.value(), expected.at("scale")[i]) << i;
      EXPECT_EQ(scale.state().steps_without_overflow, expected.at("growth_tracker")[i]) << i;
      EXPECT_EQ(scale.state().overflows_left, expected.at("hysteresis_tracker")[i]) << i;
      LossScale resumed = LossScale::dynamic(options);
      resumed.restore(scale.state());
      scale = resumed;
    }
  }
}

TEST(LossScale, IsDynamicInHalfPrecisionOnly) {
  LossScaleOptions options;
  EXPECT_TRUE(LossScale::of(options, Precision::fp16).is_dynamic());
  EXPECT_EQ(LossScale::of(options, Precision::fp16).value(), 4294967296.0);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    EXPECT_FALSE(LossScale::of(options, precision).is_dynamic());
    EXPECT_EQ(LossScale::of(options, precision).value(), 1);
  }
  options.loss_scale = 128;
  LossScale constant = LossScale::of(options, Precision::fp16);
  constant.update(true);
  constant.restore({2, 0, 0});
  EXPECT_EQ(constant.value(), 128);
  EXPECT_FALSE(constant.can_fall());
}

TEST(LossScale, KnowsWhenItCannotFall) {
  LossScaleOptions options;
  options.initial_loss_scale = 2;
  options.hysteresis = 1;
  LossScale scale = LossScale::dynamic(options);
  EXPECT_TRUE(scale.can_fall());
  scale.update(true);
  EXPECT_EQ(scale.value(), 1);
  EXPECT_FALSE(scale.can_fall());
}

TEST(LossScaleOptions, NamesWhatDoesNotFit) {
  const auto message_of = [](auto change) -> std::string {
    LossScaleOptions options;
    change(options);
    try {
      options.validate();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message_of([](LossScaleOptions& o) { o.loss_scale = -1; }), "train.loss_scale = -1: expected 0 or more");
  EXPECT_EQ(message_of([](LossScaleOptions& o) { o.loss_scale = std::numeric_limits<double>::infinity(); }),
            "train.loss_scale = inf: expected 0 or more");
  EXPECT_EQ(message_of([](LossScaleOptions& o) { o.min_loss_scale = 0; }),
            "train.min_loss_scale = 0: expected more than 0");
  EXPECT_EQ(message_of([](LossScaleOptions& o) { o.initial_loss_scale = 0.5; }),
            "train.initial_loss_scale = 0.5: expected train.min_loss_scale = 1 or more");
  EXPECT_EQ(message_of([](LossScaleOptions& o) { o.loss_scale_window = 0; }),
            "train.loss_scale_window = 0: expected 1 or more");
  EXPECT_EQ(message_of([](LossScaleOptions& o) { o.hysteresis = 0; }), "train.hysteresis = 0: expected 1 or more");
}

}  // namespace
}  // namespace kumiko
