#include "kumiko/train/step_rates.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(StepRates, AreTheMedianOfTheRecentSteps) {
  StepRates rates;
  EXPECT_EQ(rates.typical_step_seconds(), 0);
  rates.add(3, 3);
  rates.add(1, 1);
  EXPECT_EQ(rates.typical_step_seconds(), 2);
  rates.add(100, 100);
  EXPECT_EQ(rates.typical_step_seconds(), 3);
  for (int i = 0; i < 40; ++i) rates.add(1, 1);
  for (int i = 0; i < 11; ++i) rates.add(7, 7);  // more than half of 21
  EXPECT_EQ(rates.typical_step_seconds(), 7);
}

TEST(StepRates, EstimateTheRestWithWhatHappensBetweenSteps) {
  StepRates rates;
  EXPECT_EQ(rates.remaining_seconds(10), 0);
  rates.add(50, 50);
  EXPECT_DOUBLE_EQ(rates.remaining_seconds(10), 500);
  rates.add(1, 2);  // the first step is forgotten
  EXPECT_DOUBLE_EQ(rates.remaining_seconds(10), 20);
  for (int i = 0; i < 1000; ++i) rates.add(1, i % 10 == 9 ? 3 : 1);  // an evaluation of 2 s every ten steps
  EXPECT_NEAR(rates.remaining_seconds(100), 120, 120 * 0.1);         // within a period's share of the window
}

// One slow step moves the estimate by no more than its weight, 2 %.
TEST(StepRates, AreSmooth) {
  StepRates rates;
  for (int i = 0; i < 500; ++i) rates.add(1, 1);
  rates.add(11, 11);
  EXPECT_NEAR(rates.remaining_seconds(1), 1.2, 0.001);
}

TEST(StepRates, FollowALastingChange) {
  StepRates rates;
  for (int i = 0; i < 500; ++i) rates.add(1, 1);
  for (int i = 0; i < 200; ++i) rates.add(2, 2);
  EXPECT_NEAR(rates.remaining_seconds(1), 2, 0.02);  // 0.98^200 = 0.018 of the old mean remain
}

}  // namespace
}  // namespace kumiko
