// Where runs continue and what they may overwrite, as a user sees it (docs/runs.md).
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "cli/program.h"
#include "kumiko/base/file.h"
#include "kumiko/base/file_lock.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;
using Options = std::vector<std::string>;

class Runs : public testing::Test {
 protected:
  Options run(const Options& more = {}) const {
    Options options = {"checkpoint.save", tiny.path("run"), "checkpoint.save_interval", "2"};
    options.insert(options.end(), more.begin(), more.end());
    return options;
  }
  Options same(const Options& more = {}) const {
    Options options = run({"checkpoint.load", tiny.path("run")});
    options.insert(options.end(), more.begin(), more.end());
    return options;
  }
  Finished train(const Options& options, int code = 0) {
    const Finished finished = tiny.train(1, options);
    EXPECT_EQ(finished.exit_code, code) << finished.output;
    return finished;
  }
  void expect(const Finished& finished, const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      EXPECT_NE(finished.output.find(word), std::string::npos) << "said:\n" << finished.output << "expected:\n" << word;
    }
  }
  bool there(const std::string& name) const { return std::filesystem::exists(tiny.path(name)); }
  std::string latest(const std::string& name = "run") const {
    const std::string text = read_text_file(tiny.path(name + "/latest"));
    return text.substr(0, text.find(' '));
  }

  TinyRun tiny{"runs"};
};

TEST_F(Runs, OfAnotherUserOfTheFolderAreRefusedAndSetAsideOnRequest) {
  train(run({"train.train_iters", "4"}));
  expect(train(run({"train.train_iters", "2"}), 2),
         {"holds an old run (steps 2, 4, metrics.jsonl, checkpoints.jsonl, tensorboard)", "checkpoint.start_anew"});
  EXPECT_EQ(latest(), "step-0000004");
  EXPECT_EQ(tiny.steps("run").size(), 4u);
  expect(train(run({"train.train_iters", "2", "checkpoint.start_anew", "true"})), {"the old run is in "});
  EXPECT_EQ(latest(), "step-0000002");
  EXPECT_FALSE(there("run/step-0000004"));
  EXPECT_EQ(latest("run.old-1"), "step-0000004");
  EXPECT_EQ(tiny.steps("run.old-1").size(), 4u);
  EXPECT_FALSE(there("run/kumiko.lock"));
}

TEST_F(Runs, ThatAreFinishedSaySo) {
  train(same({"train.train_iters", "4"}));
  expect(train(same({"train.train_iters", "4"})), {"nothing to train: ", "train.train_iters = 4"});
  const Finished last = train(same({"train.train_iters", "6", "train.exit_interval", "6"}));
  EXPECT_EQ(last.output.find("stopped after"), std::string::npos) << last.output;
}

TEST_F(Runs, SayHowTheyResume) {
  expect(train({"train.exit_interval", "2"}), {"stopped after step 2 of 12; nothing was saved"});
  expect(train(run({"train.exit_interval", "2"})),
         {"stopped after step 2 of 12; the same command with --checkpoint.load " + tiny.path("run") + " resumes"});
  expect(train(same({"train.exit_interval", "4"})), {"stopped after step 4 of 12; the same command resumes"});
}

TEST_F(Runs, WithATypingErrorInLoadAreRefused) {
  train(run({"train.train_iters", "2"}));
  Options options = {"checkpoint.load", tiny.path("rnu"), "checkpoint.save", tiny.path("new")};
  expect(train(options, 2),
         {"checkpoint.load = " + tiny.path("rnu") + " is not there; did you mean " + tiny.path("run") + "?"});
  EXPECT_FALSE(there("new"));
  options[1] = tiny.path("");
  expect(train(options, 2), {"holds no checkpoint; there is one in " + tiny.path("run")});
  options[1] = tiny.path("run/step-0000008");
  expect(train(options, 2), {"is not there", "step-0000002"});
}

TEST_F(Runs, GoBackToAStepOnceAndThenGoOn) {
  ASSERT_EQ(tiny.train(1, {"checkpoint.save", tiny.path("whole"), "train.train_iters", "8"}).exit_code, 0);
  train(same({"train.train_iters", "8"}));
  const Options back = run({"checkpoint.load", tiny.path("run/step-0000004"), "train.train_iters", "8"});
  Options first = back;
  first.insert(first.end(), {"train.exit_interval", "6"});
  expect(train(first), {"going back to step 4: steps 6, 8 of ", "resumed from"});
  EXPECT_EQ(latest(), "step-0000006");
  EXPECT_TRUE(there("run.old-1/step-0000008/manifest.json"));
  EXPECT_EQ(tiny.lines("run/metrics.superseded.jsonl").size(), 4u);
  expect(train(back), {"already holds step 6 of the run that began with "});
  EXPECT_EQ(latest(), "step-0000008");
  EXPECT_EQ(test::difference(tiny.path("whole"), tiny.path("run")), "");
}

TEST_F(Runs, FromAnotherFolderGoOnWhereTheySave) {
  train({"checkpoint.save", tiny.path("first"), "train.train_iters", "4"});
  const Options options = run({"checkpoint.load", tiny.path("first"), "train.train_iters", "8"});
  Options part = options;
  part.insert(part.end(), {"train.exit_interval", "6"});
  train(part);
  EXPECT_EQ(latest(), "step-0000006");
  expect(train(options), {"already holds step 6 of the run that began with "});
  EXPECT_EQ(tiny.steps("run").size(), 4u);  // 5 to 8
  train({"checkpoint.save", tiny.path("other"), "train.train_iters", "2"});
  expect(train({"checkpoint.load", tiny.path("first"), "checkpoint.save", tiny.path("other")}, 2),
         {"holds another run (step 2"});
}

TEST_F(Runs, WithoutLatestGoOnAtTheNewest) {
  train(same({"train.train_iters", "4"}));
  std::filesystem::remove(tiny.path("run/latest"));
  expect(train(same({"train.train_iters", "6"})),
         {"has no 'latest'; its newest complete checkpoint is step-0000004: continuing there"});
  EXPECT_EQ(tiny.steps("run").size(), 6u);
  // Also where nothing is left to train: what generates text reads `latest`.
  std::filesystem::remove(tiny.path("run/latest"));
  train(same({"train.train_iters", "6"}));
  EXPECT_EQ(latest(), "step-0000006");
}

TEST_F(Runs, ShareNoFolder) {
  std::thread second([&] {
    while (!there("run/kumiko.lock") || !there("run/metrics.jsonl")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    for (const Options& options : {same(), Options{"logging.run_dir", tiny.path("run")}}) {
      const Finished refused = tiny.train(1, options);
      EXPECT_EQ(refused.exit_code, 2);
      expect(refused, {" is in use by process ", "kumiko.lock"});
    }
    const LockOwner owner = parse_lock_owner(read_text_file(tiny.path("run/kumiko.lock")));
    ::kill(static_cast<pid_t>(owner.pid), SIGTERM);
  });
  const Finished finished = tiny.train(1, run({"train.train_iters", "1000000", "checkpoint.keep_last", "2"}));
  second.join();
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_FALSE(there("run/kumiko.lock"));
}

TEST_F(Runs, NameWhatDiffersFromTheRecord) {
  train(same({"train.train_iters", "4"}));
  expect(train(same({"train.train_iters", "8"})),
         {"was saved with other options (old -> new):", "train.train_iters: 4 -> 8", "optimizer.lr_decay_iters: 4 -> 8",
          "the learning rate of the next step: 0 with the options as they were, 0.005 now"});
  expect(train(same({"train.train_iters", "10", "data.split", "80,20,0"})),
         {"data.split: 90,10,0 -> 80,20,0", "the order of the data is drawn from the data as they are now"});
}

TEST_F(Runs, KeepTheirTokenizer) {
  const std::string text = "one two three four five six seven eight nine ten\n";
  std::ofstream(tiny.path("a.txt")) << text;
  std::ofstream(tiny.path("b.txt")) << "eins zwei drei vier\n";
  for (const char* name : {"a", "b"}) {
    const Finished made = tiny.run({"tokenizer", "train", "--input", tiny.path(std::string(name) + ".txt"), "--output",
                                    tiny.path(std::string(name) + ".json"), "--vocab-size", "260"});
    ASSERT_EQ(made.exit_code, 0) << made.output;
  }
  train(same({"train.train_iters", "2", "data.tokenizer", tiny.path("a.json")}));
  const std::string kept = read_text_file(tiny.path("run/tokenizer.json"));
  expect(train(same({"train.train_iters", "4", "data.tokenizer", tiny.path("b.json")}), 2),
         {"data.tokenizer = " + tiny.path("b.json") + " is not the tokenizer that", "the one kept in "});
  EXPECT_EQ(read_text_file(tiny.path("run/tokenizer.json")), kept);
  expect(train(same({"train.train_iters", "4", "data.tokenizer", "bytes", "model.vocab_size", "260"}), 2),
         {"is not the tokenizer that"});
  train(same({"train.train_iters", "4", "data.tokenizer", tiny.path("run")}));
}

}  // namespace
}  // namespace kumiko
