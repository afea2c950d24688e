// parallel.post_validation as a user runs it: the run, its validations and its checkpoints stay what they are.
#include <gtest/gtest.h>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

constexpr int num_ranks = 2;

// Trains to `name`, through a pipeline, with a gradient whose norm is sometimes clipped.
Finished train(const TinyRun& tiny, const std::string& name, const char* post_validation,
               const std::vector<std::string>& more = {}) {
  std::vector<std::string> options = {"parallel.pipeline_model_parallel_size",
                                      "2",
                                      "parallel.pipeline_schedule",
                                      "zb-h1",
                                      "parallel.post_validation",
                                      post_validation,
                                      "optimizer.clip_grad",
                                      "1.75",
                                      "train.train_iters",
                                      "10",
                                      "train.eval_interval",
                                      "4",
                                      "checkpoint.save_interval",
                                      "3",
                                      "checkpoint.load",
                                      tiny.path(name),
                                      "checkpoint.save",
                                      tiny.path(name)};
  options.insert(options.end(), more.begin(), more.end());
  return tiny.train(num_ranks, options);
}

// What is the same in each run, of every step.
std::vector<nlohmann::json> told(const TinyRun& tiny, const std::string& name) {
  std::vector<nlohmann::json> steps;
  for (const nlohmann::json& line : tiny.lines(name + "/metrics.jsonl")) {
    steps.emplace_back();
    for (const char* key : {"step", "loss", "learning_rate", "gradient_norm", "skipped", "validation_loss",
                            "consumed_tokens", "skipped_steps"}) {
      if (line.contains(key)) steps.back()[key] = line.at(key);
    }
  }
  return steps;
}

TEST(PostValidation, LeavesTheRunAsItIs) {
  const TinyRun tiny("post_validation");
  const Finished barrier = train(tiny, "barrier", "false");
  ASSERT_EQ(barrier.exit_code, 0) << barrier.output;
  const Finished later = train(tiny, "later", "true");
  ASSERT_EQ(later.exit_code, 0) << later.output;
  EXPECT_NE(later.output.find("validated a step later"), std::string::npos) << later.output;
  EXPECT_NE(later.output.find("of 10 steps were corrected"), std::string::npos) << later.output;
  EXPECT_EQ(later.output.find(" 0 of 10 steps were corrected"), std::string::npos) << later.output;
  EXPECT_EQ(later.output.find(" 10 of 10 steps were corrected"), std::string::npos) << later.output;
  ASSERT_EQ(told(tiny, "later").size(), 10U);
  EXPECT_EQ(told(tiny, "later"), told(tiny, "barrier"));
  EXPECT_EQ(test::difference(tiny.path("later"), tiny.path("barrier")), "");

  const Finished first = train(tiny, "resumed", "true", {"train.exit_interval", "5"});
  ASSERT_EQ(first.exit_code, 0) << first.output;
  ASSERT_EQ(told(tiny, "resumed").size(), 5U);
  ASSERT_EQ(train(tiny, "resumed", "true").exit_code, 0);
  EXPECT_EQ(told(tiny, "resumed"), told(tiny, "barrier"));
  EXPECT_EQ(test::difference(tiny.path("resumed"), tiny.path("barrier")), "");
}

TEST(PostValidation, SaysWhatItNeeds) {
  const TinyRun tiny("post_validation_refused");
  const Finished refused = tiny.train(1, {"parallel.post_validation", "true"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.output.find("parallel.post_validation = true with parallel.pipeline_model_parallel_size = 1"),
            std::string::npos)
      << refused.output;
}

}  // namespace
}  // namespace kumiko
