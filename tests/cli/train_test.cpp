// Whole training runs: the same on any number of ranks, the same twice, the same resumed.
#include <gtest/gtest.h>

#include <cmath>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::LoggedStep;
using test::TinyRun;

TEST(Train, GivesTheSameLossesOnOneTwoAndFourRanks) {
  const TinyRun tiny("ranks");
  for (const int ranks : {1, 2, 4}) {
    const auto finished = tiny.train(ranks, {"logging.run_dir", tiny.path(std::to_string(ranks))});
    ASSERT_EQ(finished.exit_code, 0) << finished.output;
  }
  const std::vector<LoggedStep> one = tiny.steps("1");
  ASSERT_EQ(one.size(), 12u);
  EXPECT_LT(one.back().loss, 0.8 * one.front().loss);
  for (const char* ranks : {"2", "4"}) {
    const std::vector<LoggedStep> several = tiny.steps(ranks);
    ASSERT_EQ(several.size(), one.size());
    for (size_t i = 0; i < one.size(); ++i) {
      // Sums of f32 in another order; what twelve steps make of it.
      EXPECT_NEAR(several[i].loss, one[i].loss, 1e-6 * one[i].loss) << ranks << " ranks, step " << i + 1;
      EXPECT_NEAR(several[i].gradient_norm, one[i].gradient_norm, 1e-5 * one[i].gradient_norm);
    }
  }
}

TEST(Train, TwiceGivesTheSameBits) {
  const TinyRun tiny("twice");
  for (const char* name : {"a", "b"}) {
    const auto finished = tiny.train(2, {"checkpoint.save", tiny.path(name)});
    ASSERT_EQ(finished.exit_code, 0) << finished.output;
  }
  EXPECT_EQ(tiny.steps("a"), tiny.steps("b"));
  EXPECT_EQ(test::difference(tiny.path("a"), tiny.path("b")), "");
}

class Resumed : public testing::TestWithParam<int> {};

TEST_P(Resumed, GivesTheBitsOfOneNeverStopped) {
  const TinyRun tiny("resumed_" + std::to_string(GetParam()));
  ASSERT_EQ(tiny.train(GetParam(), {"checkpoint.save", tiny.path("whole")}).exit_code, 0);
  const std::vector<std::string> options = {"checkpoint.save", tiny.path("parts"), "checkpoint.load",
                                            tiny.path("parts")};
  std::vector<std::string> first = options;
  first.insert(first.end(), {"train.exit_interval", "5"});
  ASSERT_EQ(tiny.train(GetParam(), first).exit_code, 0);
  ASSERT_EQ(tiny.steps("parts").size(), 5u);
  const auto second = tiny.train(GetParam(), options);
  ASSERT_EQ(second.exit_code, 0) << second.output;
  EXPECT_EQ(tiny.steps("parts"), tiny.steps("whole"));
  EXPECT_EQ(test::difference(tiny.path("whole"), tiny.path("parts")), "");
}

INSTANTIATE_TEST_SUITE_P(Ranks, Resumed, testing::Values(1, 2));

TEST(Train, ACheckpointOfTwoRanksGoesOnWithOneOrFour) {
  const TinyRun tiny("other_ranks");
  ASSERT_EQ(tiny.train(1, {"logging.run_dir", tiny.path("whole")}).exit_code, 0);
  ASSERT_EQ(tiny.train(2, {"checkpoint.save", tiny.path("start"), "train.exit_interval", "6"}).exit_code, 0);
  const std::vector<LoggedStep> whole = tiny.steps("whole");
  for (const int ranks : {1, 4}) {
    const std::string name = "on_" + std::to_string(ranks);
    const auto finished =
        tiny.train(ranks, {"checkpoint.load", tiny.path("start"), "logging.run_dir", tiny.path(name)});
    ASSERT_EQ(finished.exit_code, 0) << finished.output;
    const std::vector<LoggedStep> rest = tiny.steps(name);
    ASSERT_EQ(rest.size(), 6u);
    for (size_t i = 0; i < rest.size(); ++i) {
      EXPECT_EQ(rest[i].step, whole[i + 6].step);
      EXPECT_NEAR(rest[i].loss, whole[i + 6].loss, 1e-6 * whole[i + 6].loss);
    }
  }
}

}  // namespace
}  // namespace kumiko
