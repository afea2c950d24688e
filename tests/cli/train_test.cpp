// Whole training runs: the same on any number of ranks, the same twice, the same resumed.
#include <gtest/gtest.h>

#include <cmath>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::LoggedStep;
using test::TinyRun;

struct Layout {
  const char* name;
  int ranks;
  std::vector<std::string> options;
};

const Layout layouts[] = {
    {"2", 2, {}},
    {"4", 4, {}},
    {"tensor", 2, {"parallel.tensor_model_parallel_size", "2"}},
    {"zero_2_in_groups", 4, {"parallel.zero_stage", "2", "parallel.zero_group_size", "2"}},
    {"sequence_and_zero_1",
     4,
     {"parallel.tensor_model_parallel_size", "2", "parallel.sequence_parallel", "true", "parallel.zero_stage", "1"}},
    {"zero_3_and_tensor", 4, {"parallel.zero_stage", "3", "parallel.tensor_model_parallel_size", "2"}},
};

// Trains with `options` on one rank and in every layout.
void expect_equal_losses(const TinyRun& tiny, const std::vector<std::string>& options) {
  const auto train = [&](const Layout& layout) {
    std::vector<std::string> all = options;
    all.insert(all.end(), layout.options.begin(), layout.options.end());
    all.insert(all.end(), {"logging.run_dir", tiny.path(layout.name)});
    const auto finished = tiny.train(layout.ranks, all);
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    return tiny.steps(layout.name);
  };
  const std::vector<LoggedStep> one = train({"1", 1, {}});
  ASSERT_EQ(one.size(), 12u);
  EXPECT_LT(one.back().loss, 0.9 * one.front().loss);
  for (const Layout& layout : layouts) {
    const std::vector<LoggedStep> several = train(layout);
    ASSERT_EQ(several.size(), one.size());
    for (size_t i = 0; i < one.size(); ++i) {
      // Sums of f32 in another order; what twelve steps make of it.
      EXPECT_NEAR(several[i].loss, one[i].loss, 1e-6 * one[i].loss) << layout.name << ", step " << i + 1;
      EXPECT_NEAR(several[i].gradient_norm, one[i].gradient_norm, 1e-5 * one[i].gradient_norm) << layout.name;
    }
  }
}

TEST(Train, GivesTheSameLossesInEveryLayout) { expect_equal_losses(TinyRun("layouts"), {}); }

// The spaces of the corpus end its documents, so that micro-batches differ in how many tokens count.
TEST(Train, GivesTheSameLossesInEveryLayoutWithDocumentsApart) {
  expect_equal_losses(TinyRun("documents"), {"data.reset_attention_mask", "true", "data.reset_position_ids", "true",
                                             "data.eod_mask_loss", "true", "data.eod_token_id", "32"});
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

struct ResumedRun {
  int ranks;
  const char* precision;
};

class Resumed : public testing::TestWithParam<ResumedRun> {};

TEST_P(Resumed, GivesTheBitsOfOneNeverStopped) {
  const auto [ranks, precision] = GetParam();
  const TinyRun tiny("resumed_" + std::string(precision) + "_" + std::to_string(ranks));
  // A window of three steps, so that the run stops within one and a dynamic loss scale goes on from there.
  const std::vector<std::string> common = {"train.precision",         precision, "train.initial_loss_scale", "1024",
                                           "train.loss_scale_window", "3"};
  const auto with = [](std::vector<std::string> options, const std::vector<std::string>& more) {
    options.insert(options.end(), more.begin(), more.end());
    return options;
  };
  ASSERT_EQ(tiny.train(ranks, with(common, {"checkpoint.save", tiny.path("whole")})).exit_code, 0);
  const auto parts = with(common, {"checkpoint.save", tiny.path("parts"), "checkpoint.load", tiny.path("parts")});
  ASSERT_EQ(tiny.train(ranks, with(parts, {"train.exit_interval", "5"})).exit_code, 0);
  ASSERT_EQ(tiny.steps("parts").size(), 5u);
  const auto second = tiny.train(ranks, parts);
  ASSERT_EQ(second.exit_code, 0) << second.output;
  EXPECT_EQ(tiny.steps("parts"), tiny.steps("whole"));
  EXPECT_EQ(test::difference(tiny.path("whole"), tiny.path("parts")), "");
}

INSTANTIATE_TEST_SUITE_P(RanksAndPrecisions, Resumed,
                         testing::Values(ResumedRun{1, "fp32"}, ResumedRun{2, "fp32"}, ResumedRun{1, "fp16"},
                                         ResumedRun{2, "bf16"}));

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

TEST(Inspect, ShowsARunForAPerson) {
  const TinyRun tiny("inspected");
  ASSERT_EQ(tiny.train(1, {"checkpoint.save", tiny.path("save"), "train.exit_interval", "6"}).exit_code, 0);
  const test::Finished plain = tiny.run({"inspect", tiny.path("save")});
  EXPECT_EQ(plain.exit_code, 0);
  for (const char* text :
       {"\nstep         6\n", "\nmodel        GPT-2: 2 layers, hidden 32,", "\ntrained      6 of 12 steps, ",
        "\nparameters   ", "\n[model]\n", "\nhidden_size = 32\n", "\n[optimizer]\n", "\nsave = "}) {
    EXPECT_NE(plain.output.find(text), std::string::npos) << text << "\nin\n" << plain.output;
  }
  EXPECT_EQ(plain.output.find("\\n"), std::string::npos) << "an escaped line break";
  EXPECT_EQ(plain.output.find("block.0."), std::string::npos) << "a tensor";
  EXPECT_NE(tiny.run({"inspect", tiny.path("save"), "--tensors"}).output.find("block.0."), std::string::npos);
  const auto json = nlohmann::json::parse(tiny.run({"inspect", tiny.path("save"), "--json"}).output);
  EXPECT_EQ(json.at("step"), 6);
}

}  // namespace
}  // namespace kumiko
