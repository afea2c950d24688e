// What happens to a run when the world is unkind: signals, a killed rank, a full disk, a death inside a save.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "cli/program.h"
#include "kumiko/base/file.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

bool says(const Finished& finished, const std::string& text) { return finished.output.find(text) != std::string::npos; }

std::string latest(const TinyRun& tiny) {
  const std::string text = read_text_file(tiny.path("run/latest"));
  return text.substr(0, text.find(' '));
}

// Each write, fsync and rename of the second save, in turn, is the moment of death. After it the first checkpoint, or
// the second if it was complete, loads, and the resumed run ends with the bits of one never killed.
TEST(Recovery, DeathAtAnyMomentOfASaveLosesNothing) {
  const TinyRun tiny("killed_in_save");
  ASSERT_EQ(tiny.train(1, {"checkpoint.save", tiny.path("whole"), "train.train_iters", "6"}).exit_code, 0);
  const std::vector<std::string> options = {"checkpoint.save",          tiny.path("run"),
                                            "checkpoint.load",          tiny.path("run"),
                                            "checkpoint.save_interval", "2",
                                            "train.train_iters",        "6"};
  int deaths = 0;
  for (const char* operation : {"write", "sync", "rename"}) {
    for (int n = 1;; ++n) {
      std::filesystem::remove_all(tiny.path("run"));
      std::vector<std::string> first = options;
      first.insert(first.end(), {"train.exit_interval", "2"});
      ASSERT_EQ(tiny.train(1, first).exit_code, 0);
      const std::string fault = "KUMIKO_FAULT=" + std::string(operation) + ":" + std::to_string(n) + ":kill";
      const Finished killed = tiny.train(1, options, {fault});
      if (!says(killed, "injected fault")) {
        EXPECT_EQ(killed.exit_code, 0) << killed.output;
        break;
      }
      ++deaths;
      EXPECT_EQ(killed.exit_code, 128 + SIGKILL);
      const Finished resumed = tiny.train(1, options);
      ASSERT_EQ(resumed.exit_code, 0) << fault << "\n" << resumed.output;
      EXPECT_EQ(test::difference(tiny.path("whole"), tiny.path("run")), "") << fault;
      ASSERT_LT(n, 100);
    }
  }
  // Two saves, each with data, manifest, checksum and latest.
  EXPECT_GE(deaths, 20);
}

TEST(Recovery, AFullDiskIsNamedAndTheEarlierCheckpointStays) {
  const TinyRun tiny("full_disk");
  ASSERT_EQ(tiny.train(1, {"checkpoint.save", tiny.path("run"), "train.train_iters", "2"}).exit_code, 0);
  const std::vector<std::string> options = {"checkpoint.save", tiny.path("run"),    "checkpoint.load",
                                            tiny.path("run"),  "train.train_iters", "4"};
  const Finished full = tiny.train(1, options, {"KUMIKO_FAULT=sync:3:no_space"});
  EXPECT_TRUE(says(full, "injected fault"));
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_TRUE(says(full, "no space left on the disk")) << full.output;
  EXPECT_EQ(latest(tiny), "step-0000002");
  EXPECT_EQ(tiny.train(1, options).exit_code, 0);
  EXPECT_EQ(latest(tiny), "step-0000004");
}

// The disk is full for one of the saves behind training: an error says so, and the next save is whole.
TEST(Recovery, AFailedSaveBehindTrainingDoesNotEndIt) {
  for (const int ranks : {1, 2}) {
    const TinyRun tiny(fmt::format("failed_behind_{}", ranks));
    const Finished finished = tiny.train(
        ranks, {"checkpoint.save", tiny.path("run"), "checkpoint.save_interval", "2", "train.train_iters", "6"},
        {"KUMIKO_FAULT=sync:4:no_space"});
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_TRUE(says(finished, "injected fault")) << finished.output;
    EXPECT_TRUE(says(finished, "step-0000002 is not saved: ")) << finished.output;
    EXPECT_TRUE(says(finished, "no space left on the disk")) << finished.output;
    EXPECT_TRUE(says(finished, "training goes on, the earlier checkpoints stay, and the next save tries again"));
    EXPECT_FALSE(std::filesystem::exists(tiny.path("run/step-0000002")));
    EXPECT_TRUE(std::filesystem::exists(tiny.path("run/step-0000004")));
    EXPECT_EQ(latest(tiny), "step-0000006");
    const auto saves = tiny.lines("run/checkpoints.jsonl");
    ASSERT_EQ(saves.size(), 3u);
    EXPECT_EQ(saves[0].at("step"), 2);
    EXPECT_TRUE(saves[0].contains("error"));
    EXPECT_EQ(saves[1].at("rank_bytes").size(), static_cast<size_t>(ranks));
    EXPECT_EQ(saves[1].at("behind"), true);
    EXPECT_GT(saves[2].at("pause_seconds"), 0);
  }
}

// What training ends with must be on the disk, also where the save began before the end.
TEST(Recovery, AFailedLastSaveIsAnError) {
  for (const char* async_save : {"true", "false"}) {
    const TinyRun tiny(fmt::format("failed_last_{}", async_save));
    const std::vector<std::string> options = {"checkpoint.save",          tiny.path("run"),
                                              "checkpoint.load",          tiny.path("run"),
                                              "checkpoint.save_interval", "2",
                                              "train.train_iters",        "4",
                                              "checkpoint.async_save",    async_save};
    std::vector<std::string> first = options;
    first.insert(first.end(), {"train.exit_interval", "2"});
    ASSERT_EQ(tiny.train(1, first).exit_code, 0);
    const Finished full = tiny.train(1, options, {"KUMIKO_FAULT=sync:4:no_space"});
    EXPECT_EQ(full.exit_code, 3) << full.output;
    EXPECT_TRUE(says(full, "step-0000004 is not saved: ")) << full.output;
    EXPECT_EQ(latest(tiny), "step-0000002");
  }
}

// Ranks, signal, save_interval.
class Stopped : public testing::TestWithParam<std::tuple<int, const char*, const char*>> {};

TEST_P(Stopped, SavesOnceAndEndsCleanly) {
  const auto [ranks, sent, interval] = GetParam();
  const char* const signal = sent;  // a lambda takes no structured binding before C++23
  const TinyRun tiny(fmt::format("stopped_{}{}{}", ranks, sent, interval));
  std::thread killer([&] {
    while (!std::filesystem::exists(tiny.path("run/metrics.jsonl")) || tiny.steps("run").size() < 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    // What was started first, with this directory in its arguments: the program, or what launches it.
    const auto killed =
        test::run_program({"/usr/bin/pkill", signal, "--oldest", "-f", "checkpoint.save " + tiny.path("run")});
    EXPECT_EQ(killed.exit_code, 0);
  });
  const Finished finished = tiny.train(ranks, {"checkpoint.save", tiny.path("run"), "checkpoint.save_interval",
                                               interval, "checkpoint.keep_last", "2", "train.train_iters", "1000000"});
  killer.join();
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_TRUE(says(finished, "stopped after step ")) << finished.output;
  const auto steps = tiny.steps("run");
  EXPECT_EQ(latest(tiny), fmt::format("step-{:07}", steps.back().step));
}

INSTANTIATE_TEST_SUITE_P(RanksAndSignals, Stopped,
                         testing::Values(std::tuple{1, "-TERM", "0"}, std::tuple{1, "-INT", "1"},
                                         std::tuple{2, "-TERM", "0"}, std::tuple{2, "-TERM", "1"}));

TEST(Recovery, AKilledRankIsNamedAndTheOthersStop) {
  const TinyRun tiny("killed_rank");
  const Finished finished = tiny.train(
      2, {"checkpoint.save", tiny.path("run"), "train.train_iters", "1000000", "checkpoint.save_interval", "20"},
      {"KUMIKO_FAULT=write:9:kill"});
  EXPECT_FALSE(finished.timed_out) << finished.output;
  EXPECT_NE(finished.exit_code, 0);
  EXPECT_TRUE(says(finished, ") died; stopping")) << finished.output;
}

// A learning rate that throws the weights out of range: the second step is not finite.
TEST(Recovery, BadValuesStopOrAreSkipped) {
  const TinyRun tiny("bad_values");
  const std::vector<std::string> options = {"optimizer.lr",    "1e38",          "train.train_iters", "3",
                                            "logging.run_dir", tiny.path("run")};
  const Finished stopped = tiny.train(1, options);
  EXPECT_EQ(stopped.exit_code, 2);
  EXPECT_TRUE(says(stopped, "step 2: loss ")) << stopped.output;
  EXPECT_TRUE(says(stopped, "NaN or Inf in the gradients of ")) << stopped.output;
  EXPECT_TRUE(says(stopped, "the weights are those of step 1.")) << stopped.output;
  EXPECT_TRUE(says(stopped, "train.on_bad_values = \"skip\"")) << stopped.output;
  std::vector<std::string> skip = options;
  skip.insert(skip.end(), {"train.on_bad_values", "skip"});
  const Finished skipped = tiny.train(1, skip);
  EXPECT_EQ(skipped.exit_code, 0) << skipped.output;
  EXPECT_TRUE(says(skipped, "the step is skipped"));
  const auto steps = tiny.steps("run");
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_FALSE(steps[0].skipped);
  EXPECT_TRUE(steps[1].skipped);
  EXPECT_TRUE(steps[2].skipped);
}

}  // namespace
}  // namespace kumiko
