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

// A validation that would take for ever is left at once, and no step more is taken.
TEST(Recovery, AStopWithinAValidationSavesAtOnce) {
  for (const int ranks : {1, 2}) {
    const TinyRun tiny(fmt::format("stopped_validation_{}", ranks));
    std::thread killer([&] {
      while (!std::filesystem::exists(tiny.path("run/metrics.jsonl")) || tiny.steps("run").size() < 2) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(500));  // within the validation of step 3
      test::run_program({"/usr/bin/pkill", "-TERM", "--oldest", "-f", "checkpoint.save " + tiny.path("run")});
    });
    const Finished finished = tiny.train(ranks, {"checkpoint.save", tiny.path("run"), "train.train_iters", "1000000",
                                                 "train.eval_interval", "3", "train.eval_iters", "1000000"});
    killer.join();
    EXPECT_FALSE(finished.timed_out);
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_TRUE(says(finished, "stopped after step 3 of 1000000")) << finished.output;
    EXPECT_EQ(latest(tiny), "step-0000003");
    EXPECT_EQ(tiny.steps("run").size(), 3u);
  }
}

TEST(Recovery, ARunSavesAndStopsBeforeItsTimeIsUp) {
  for (const int ranks : {1, 2}) {
    const TinyRun tiny(fmt::format("time_limit_{}", ranks));
    const Finished finished = tiny.train(ranks, {"checkpoint.save", tiny.path("run"), "train.train_iters", "1000000",
                                                 "train.eval_interval", "0", "train.exit_duration_in_mins", "0.05"});
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_TRUE(says(finished, "train.exit_duration_in_mins = 0.05 is nearly over")) << finished.output;
    EXPECT_TRUE(says(finished, "stopped after step ")) << finished.output;
    EXPECT_EQ(latest(tiny), fmt::format("step-{:07}", tiny.steps("run").back().step));
  }
}

// Nobody is left to hand a signal on: the job saves and ends by itself.
TEST(Recovery, AJobDoesNotOutliveItsLauncherScript) {
  const TinyRun tiny("launcher_killed");
  std::thread killer([&] {
    while (!std::filesystem::exists(tiny.path("run/metrics.jsonl")) || tiny.steps("run").size() < 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    test::run_program({"/usr/bin/pkill", "-KILL", "--oldest", "-f", "checkpoint.save " + tiny.path("run")});
  });
  // Returns when the last of the job's processes has closed its output.
  const Finished finished =
      tiny.train(2, {"checkpoint.save", tiny.path("run"), "train.train_iters", "1000000", "train.eval_interval", "0"});
  killer.join();
  EXPECT_FALSE(finished.timed_out) << finished.output;
  EXPECT_EQ(finished.exit_code, 128 + SIGKILL);
  EXPECT_EQ(latest(tiny), fmt::format("step-{:07}", tiny.steps("run").back().step));
}

// The disk of the metrics is full, that of the checkpoints is not.
TEST(Recovery, AFullDiskUnderTheObserversEndsNothing) {
  const TinyRun tiny("observers");
  const std::vector<std::string> options = {"checkpoint.save",
                                            tiny.path("run"),
                                            "checkpoint.save_interval",
                                            "2",
                                            "train.train_iters",
                                            "6",
                                            "logging.wandb_project",
                                            "p",
                                            "logging.run_dir",
                                            tiny.path("run"),
                                            "logging.profile",
                                            "true",
                                            "logging.profile_step_start",
                                            "2",
                                            "logging.profile_step_end",
                                            "3"};
  for (const char* first : {"1", "4", "9"}) {
    std::filesystem::remove_all(tiny.path("run"));
    const Finished finished = tiny.train(1, options, {fmt::format("KUMIKO_FAULT=append:{}:full", first)});
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_TRUE(says(finished, "injected fault")) << finished.output;
    EXPECT_TRUE(says(finished, "the run goes on without it, and tries again")) << finished.output;
    EXPECT_TRUE(says(finished, "metrics.jsonl failed to the end; ")) << finished.output;
    EXPECT_EQ(latest(tiny), "step-0000006") << finished.output;
  }
  std::filesystem::remove_all(tiny.path("run"));
  const Finished once =
      tiny.train(1, {"checkpoint.save", tiny.path("run"), "train.train_iters", "6", "logging.tensorboard", "false"},
                 {"KUMIKO_FAULT=append:3:no_space"});
  EXPECT_EQ(once.exit_code, 0) << once.output;
  EXPECT_TRUE(says(once, "metrics.jsonl is written again; 1 step is missing from it")) << once.output;
  EXPECT_EQ(tiny.steps("run").size(), 5u);
}

// What a program starts with where its caller has closed a stream, or nobody reads it.
TEST(Recovery, AScreenThatTakesNothingEndsNothing) {
  const TinyRun tiny("screen");
  for (const std::string redirection : {">/dev/full", ">&- 2>&-", "<&- >&- 2>&-", "| true"}) {
    std::filesystem::remove_all(tiny.path("run"));
    const std::string command = fmt::format("{} train {} --checkpoint.save {} --train.train_iters 4 {}", KUMIKO_PROGRAM,
                                            tiny.path("run.toml"), tiny.path("run"), redirection);
    const Finished finished = test::run_program({"/bin/bash", "-c", "set -o pipefail; " + command});
    EXPECT_EQ(finished.exit_code, 0) << redirection << finished.output;
    EXPECT_EQ(latest(tiny), "step-0000004") << redirection;
    EXPECT_EQ(tiny.steps("run").size(), 4u) << redirection;
    if (redirection == ">/dev/full") {
      EXPECT_TRUE(says(finished,
                       "the screen: cannot write to standard output: No space left on device; the run goes "
                       "on without it, and tries again"))
          << finished.output;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(RanksAndSignals, Stopped,
                         testing::Values(std::tuple{1, "-TERM", "0"}, std::tuple{1, "-INT", "1"},
                                         std::tuple{1, "-HUP", "0"}, std::tuple{1, "-USR2", "0"},
                                         std::tuple{1, "-XCPU", "0"}, std::tuple{2, "-TERM", "0"},
                                         std::tuple{2, "-TERM", "1"}));

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
  skip.insert(skip.end(), {"train.on_bad_values", "skip", "checkpoint.start_anew", "true"});
  const Finished skipped = tiny.train(1, skip);
  EXPECT_EQ(skipped.exit_code, 0) << skipped.output;
  EXPECT_TRUE(says(skipped, "the step is skipped"));
  const auto steps = tiny.steps("run");
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_FALSE(steps[0].skipped);
  EXPECT_TRUE(steps[1].skipped);
  EXPECT_TRUE(steps[2].skipped);
}

// Steps 1 is good, all others are not.
TEST(Recovery, BadValuesLeaveTheLastGoodWeights) {
  for (const int ranks : {1, 2}) {
    const TinyRun tiny(fmt::format("last_good_{}", ranks));
    const Finished stopped = tiny.train(ranks, {"optimizer.lr", "1e38", "checkpoint.save", tiny.path("run")});
    EXPECT_NE(stopped.exit_code, 0);
    EXPECT_TRUE(says(stopped, "the weights are those of step 1.")) << stopped.output;
    EXPECT_EQ(latest(tiny), "step-0000001") << stopped.output;
  }
}

TEST(Recovery, SkippedStepsPushNoGoodCheckpointAway) {
  const TinyRun tiny("skips");
  std::vector<std::string> options = {"optimizer.lr",
                                      "1e38",
                                      "train.train_iters",
                                      "40",
                                      "train.eval_interval",
                                      "0",
                                      "train.on_bad_values",
                                      "skip",
                                      "checkpoint.save",
                                      tiny.path("run"),
                                      "checkpoint.save_interval",
                                      "1",
                                      "checkpoint.keep_last",
                                      "1"};
  const Finished stopped = tiny.train(1, options);
  EXPECT_EQ(stopped.exit_code, 2) << stopped.output;
  EXPECT_TRUE(says(stopped,
                   "steps 2 to 11 were skipped, one after another, for NaN or Inf "
                   "(train.max_consecutive_skips = 10); the weights are those of step 1."))
      << stopped.output;
  EXPECT_TRUE(says(stopped, "step 2 is not saved: all steps since step 1 were skipped")) << stopped.output;
  EXPECT_EQ(latest(tiny), "step-0000001");
  // Without the limit the run ends as asked, and the good checkpoint stays beside that of the end.
  std::filesystem::remove_all(tiny.path("run"));
  options.insert(options.end(), {"train.max_consecutive_skips", "0"});
  EXPECT_EQ(tiny.train(1, options).exit_code, 0);
  EXPECT_EQ(latest(tiny), "step-0000040");
  EXPECT_TRUE(std::filesystem::exists(tiny.path("run/step-0000001/manifest.json")));
}

// The file is cut short behind the program's back.
TEST(Recovery, ADatasetThatIsCutShortIsNamed) {
  const TinyRun tiny("cut_dataset");
  std::thread cutter([&] {
    while (!std::filesystem::exists(tiny.path("run/metrics.jsonl")) || tiny.steps("run").size() < 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    std::filesystem::resize_file(tiny.path("data.bin"), 0);
  });
  const Finished finished =
      tiny.train(1, {"checkpoint.save", tiny.path("run"), "train.train_iters", "1000000", "train.eval_interval", "0"});
  cutter.join();
  EXPECT_EQ(finished.exit_code, 3) << finished.output;
  EXPECT_TRUE(says(finished, "environment: " + tiny.path("data.bin") + " was cut short while it was read"))
      << finished.output;
}

TEST(Recovery, AResumedRunPutsLinesAsideThatItCannotRead) {
  const TinyRun tiny("bad_lines");
  const std::vector<std::string> options = {"checkpoint.save", tiny.path("run"), "checkpoint.load", tiny.path("run")};
  std::vector<std::string> first = options;
  first.insert(first.end(), {"train.exit_interval", "3"});
  ASSERT_EQ(tiny.train(1, first).exit_code, 0);
  std::ofstream(tiny.path("run/metrics.jsonl"), std::ios::app) << std::string(300, '\0');
  const Finished resumed = tiny.train(1, options);
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_TRUE(says(resumed, "1 line could not be read")) << resumed.output;
  EXPECT_EQ(tiny.steps("run").size(), 12u);
  EXPECT_EQ(read_text_file(tiny.path("run/metrics.jsonl.bad")), std::string(300, '\0') + "\n");
}

}  // namespace
}  // namespace kumiko
