// Recovery on two ranks, with real sizes of work: the slow tier.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

// As Recovery.DeathAtAnyMomentOfASaveLosesNothing, with two ranks that both write: whichever dies first at its n-th
// operation, the other stops, and the resumed run ends with the bits of one never killed.
TEST(SlowRecovery, DeathOfARankAtAnyMomentOfASaveLosesNothing) {
  const TinyRun tiny("killed_in_save_2");
  ASSERT_EQ(tiny.train(2, {"checkpoint.save", tiny.path("whole"), "train.train_iters", "4"}).exit_code, 0);
  const std::vector<std::string> options = {"checkpoint.save", tiny.path("run"),    "checkpoint.load",
                                            tiny.path("run"),  "train.train_iters", "4"};
  std::vector<std::string> first = options;
  first.insert(first.end(), {"train.exit_interval", "2"});
  ASSERT_EQ(tiny.train(2, first).exit_code, 0);
  std::filesystem::rename(tiny.path("run"), tiny.path("kept"));
  int deaths = 0;
  for (const char* operation : {"write", "sync", "rename"}) {
    for (int n = 1;; ++n) {
      std::filesystem::remove_all(tiny.path("run"));
      std::filesystem::copy(tiny.path("kept"), tiny.path("run"), std::filesystem::copy_options::recursive);
      const std::string fault = fmt::format("KUMIKO_FAULT={}:{}:kill", operation, n);
      const Finished killed = tiny.train(2, options, {fault});
      if (killed.output.find("injected fault") == std::string::npos) {
        EXPECT_EQ(killed.exit_code, 0) << killed.output;
        break;
      }
      ++deaths;
      EXPECT_NE(killed.exit_code, 0);
      EXPECT_FALSE(killed.timed_out) << fault << "\n" << killed.output;
      const Finished resumed = tiny.train(2, options);
      ASSERT_EQ(resumed.exit_code, 0) << fault << "\n" << resumed.output;
      EXPECT_EQ(test::difference(tiny.path("whole"), tiny.path("run")), "") << fault;
      ASSERT_LT(n, 100);
    }
  }
  EXPECT_GE(deaths, 10);
}

// The benchmark's own model, once: GPT-2 124M with short sequences. Before it has learnt anything, random tokens cost
// the logarithm of the vocabulary and a little for the logits' own variance.
TEST(SlowBenchStep, RunsGpt2) {
  const Finished finished =
      test::run_program({KUMIKO_PROGRAM, "bench", "step", "--model", "gpt2-124m", "--micro-batch-size", "1",
                         "--seq-length", "64", "--warmup", "0", "--steps", "1", "--json"},
                        300);
  ASSERT_EQ(finished.exit_code, 0) << finished.output;
  const auto result = nlohmann::json::parse(finished.output);
  EXPECT_EQ(result.at("model"), "gpt2-124m");
  EXPECT_NEAR(result.at("loss").get<double>(), std::log(50257.0), 0.4);
}

}  // namespace
}  // namespace kumiko
