// Where a run continues and what it may overwrite: every case of docs/runs.md.
#include "kumiko/train/continuation.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

using Kind = Continuation::Kind;
using Steps = std::vector<int64_t>;

FolderFacts folder(const std::string& name, Steps steps = {}) {
  FolderFacts facts;
  facts.name = name;
  facts.path = "/" + name;
  facts.exists = true;
  if (!steps.empty()) facts.latest = steps.back();
  facts.steps = std::move(steps);
  return facts;
}

FolderFacts checkpoint(const std::string& name, int64_t step, const std::string& checksum) {
  FolderFacts facts = folder(name);
  facts.is_checkpoint = true;
  facts.steps = {step};
  facts.manifest_checksum = checksum;
  return facts;
}

ContinuationFacts asked(std::optional<FolderFacts> load, std::optional<FolderFacts> save) {
  ContinuationFacts facts;
  facts.load = std::move(load);
  facts.save = std::move(save);
  return facts;
}

void expect_refused(const ContinuationFacts& facts, const std::vector<std::string>& words) {
  try {
    decide_continuation(facts);
    FAIL() << "not refused: " << words[0];
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    for (const std::string& word : words) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what() << "\nexpected: " << word;
    }
  }
}

bool is_silent(const Continuation& answer) { return answer.infos.empty() && answer.warnings.empty(); }

TEST(Continuation, AnEmptyFolderBeginsSilently) {
  for (const auto& facts : {asked({}, {}), asked({}, folder("run")), asked(folder("run"), folder("run"))}) {
    const Continuation answer = decide_continuation(facts);
    EXPECT_EQ(answer.kind, Kind::begin);
    EXPECT_TRUE(is_silent(answer));
    EXPECT_FALSE(answer.clears_save);
  }
}

TEST(Continuation, TheSameFolderGoesOnAtLatest) {
  const Continuation answer = decide_continuation(asked(folder("run", {2, 4}), folder("run", {2, 4})));
  EXPECT_EQ(answer.kind, Kind::resume);
  EXPECT_EQ(answer.checkpoint, "/run/step-0000004");
  EXPECT_TRUE(is_silent(answer));
  EXPECT_FALSE(answer.from_elsewhere);
}

TEST(Continuation, WithoutLatestGoesOnAtTheNewest) {
  FolderFacts run = folder("run", {2, 4});
  run.latest.reset();
  const Continuation answer = decide_continuation(asked(run, run));
  EXPECT_EQ(answer.checkpoint, "/run/step-0000004");
  ASSERT_EQ(answer.warnings.size(), 1u);
  EXPECT_EQ(answer.warnings[0],
            "run has no 'latest'; its newest complete checkpoint is step-0000004: continuing there");
}

TEST(Continuation, AfterADeathBetweenTheTwoNamesOfASaveGoesOnAtTheNewer) {
  FolderFacts run = folder("run", {2, 4});
  run.latest = 2;
  run.newest_is_after_latest = true;
  EXPECT_EQ(decide_continuation(asked(run, run)).step, 4);
  run.newest_is_after_latest = false;  // left from a way that was given up
  EXPECT_EQ(decide_continuation(asked(run, run)).step, 2);
}

TEST(Continuation, ALatestWrittenByHandGoesBackAndLosesNothing) {
  FolderFacts run = folder("run", {2, 4, 6});
  run.latest = 2;
  run.latest_by_hand = true;
  run.newest_is_after_latest = true;
  const Continuation answer = decide_continuation(asked(run, run));
  EXPECT_EQ(answer.step, 2);
  EXPECT_EQ(answer.later_steps, (Steps{4, 6}));
  ASSERT_EQ(answer.warnings.size(), 2u - 1u);
  EXPECT_NE(answer.warnings[0].find("going back to step 2: steps 4, 6 of run are set aside"), std::string::npos);
}

TEST(Continuation, ALoadWithoutACheckpointIsRefused) {
  FolderFacts typo = folder("rnu");
  typo.exists = false;
  typo.nearby = "; did you mean /run?";
  expect_refused(asked(typo, folder("run")), {"checkpoint.load = rnu is not there; did you mean /run?"});
  expect_refused(asked(typo, {}), {"checkpoint.load = rnu is not there"});
  FolderFacts other = folder("runs");
  other.nearby = "; there is one in runs/a";
  expect_refused(asked(other, folder("run")), {"checkpoint.load = runs holds no checkpoint; there is one in runs/a"});
  FolderFacts damaged = folder("run");
  damaged.damaged = {"step-0000004"};
  expect_refused(asked(damaged, damaged), {"holds no complete checkpoint: step-0000004 has no manifest.json"});
}

TEST(Continuation, AStepOfTheOwnFolderGoesBackOnceAndThenGoesOn) {
  FolderFacts run = folder("run", {2, 4, 6});
  const FolderFacts step = checkpoint("run/step-0000002", 2, "abc");
  const Continuation first = decide_continuation(asked(step, run));
  EXPECT_EQ(first.kind, Kind::resume);
  EXPECT_EQ(first.checkpoint, "/run/step-0000002");
  EXPECT_EQ(first.later_steps, (Steps{4, 6}));
  EXPECT_TRUE(first.from_elsewhere);
  // The same command, requeued.
  run.origin = RunOrigin{"/run/step-0000002", "abc"};
  const Continuation again = decide_continuation(asked(step, run));
  EXPECT_EQ(again.step, 6);
  EXPECT_TRUE(again.later_steps.empty());
  ASSERT_EQ(again.infos.size(), 1u);
  EXPECT_EQ(again.infos[0], "run already holds step 6 of the run that began with run/step-0000002: continuing there");
}

TEST(Continuation, AnotherFolderIsLeftOnceAndThenTheRunGoesOnWhereItSaves) {
  FolderFacts from = folder("a", {2, 4});
  from.manifest_checksum = "abc";
  const Continuation first = decide_continuation(asked(from, folder("b")));
  EXPECT_EQ(first.checkpoint, "/a/step-0000004");
  EXPECT_TRUE(first.from_elsewhere);
  FolderFacts begun = folder("b", {6});
  begun.origin = RunOrigin{"/moved", "abc"};
  EXPECT_EQ(decide_continuation(asked(from, begun)).checkpoint, "/b/step-0000006");
  begun.origin = RunOrigin{"/a", "older"};
  EXPECT_EQ(decide_continuation(asked(from, begun)).checkpoint, "/b/step-0000006");
  begun.origin.reset();
  expect_refused(asked(from, begun), {"checkpoint.save = b holds another run (step 6)", "checkpoint.start_anew"});
  begun.origin = RunOrigin{"/c", "other"};
  expect_refused(asked(from, begun), {"checkpoint.save = b holds another run"});
}

TEST(Continuation, FineTuningTakesWeightsOnceAndThenGoesOn) {
  ContinuationFacts facts = asked(folder("a", {4}), folder("b"));
  facts.finetune = true;
  const Continuation first = decide_continuation(facts);
  EXPECT_EQ(first.kind, Kind::take_weights);
  EXPECT_EQ(first.step, 0);
  facts.save = folder("b", {2});
  facts.save->origin = RunOrigin{"/a", ""};
  EXPECT_EQ(decide_continuation(facts).kind, Kind::resume);
  facts.save->origin.reset();
  expect_refused(facts, {"checkpoint.save = b holds another run"});
  facts.load = checkpoint("b/step-0000002", 2, "x");
  expect_refused(facts, {"save another run elsewhere"});
}

TEST(Continuation, ANewRunDoesNotTakeAnOldOnesFolder) {
  expect_refused(asked({}, folder("run", {2, 4})),
                 {"checkpoint.save = run holds an old run (steps 2, 4)", "checkpoint.load = run",
                  "checkpoint.start_anew = true", "another folder"});
  FolderFacts metrics = folder("run");
  metrics.traces = {"metrics.jsonl"};
  expect_refused(asked({}, metrics), {"holds an old run (metrics.jsonl)"});
  ContinuationFacts logging = asked({}, {});
  logging.logging = metrics;
  expect_refused(logging, {"logging.run_dir = run holds an old run (metrics.jsonl)"});
}

TEST(Continuation, StartAnewSetsAsideAndIsNotDoneTwiceByOneCommand) {
  ContinuationFacts facts = asked({}, folder("run", {2, 4}));
  facts.start_anew = true;
  const Continuation answer = decide_continuation(facts);
  EXPECT_EQ(answer.kind, Kind::begin);
  EXPECT_TRUE(answer.clears_save);
  EXPECT_NE(answer.warnings.at(0).find("the old run in run (steps 2, 4) is set aside"), std::string::npos);
  facts.load = facts.save;
  EXPECT_TRUE(decide_continuation(facts).clears_save);
  facts.save->began_anew = true;
  facts.load = facts.save;
  EXPECT_EQ(decide_continuation(facts).kind, Kind::resume);
  EXPECT_FALSE(decide_continuation(facts).clears_save);
}

TEST(Continuation, WhatAStartWithoutACheckpointLeftIsKept) {
  FolderFacts run = folder("run");
  run.traces = {"metrics.jsonl", "tensorboard"};
  const Continuation answer = decide_continuation(asked(run, run));
  EXPECT_EQ(answer.kind, Kind::begin);
  EXPECT_TRUE(answer.clears_save);
  EXPECT_NE(answer.warnings.at(0).find("what an earlier start left (metrics.jsonl, tensorboard)"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
