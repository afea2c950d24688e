// Pipelines as a user runs them: the losses of one rank, checkpoints across layouts, timelines, streams that are
// resumed, and what is refused.
#include <gtest/gtest.h>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;
using Options = std::vector<std::string>;

Options with(Options options, const Options& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

Options saved_as(const TinyRun& tiny, const std::string& name, const std::string& steps) {
  return {"checkpoint.save",          tiny.path(name),
          "checkpoint.load",          tiny.path(name),
          "train.train_iters",        steps,
          "train.eval_interval",      "3",
          "optimizer.lr_decay_iters", "20"};
}

Options piped(const std::string& schedule) {
  return {"parallel.pipeline_model_parallel_size", "2", "parallel.pipeline_schedule", schedule};
}

void expect_alike(const std::vector<test::LoggedStep>& steps, const std::vector<test::LoggedStep>& expected) {
  ASSERT_EQ(steps.size(), expected.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_NEAR(steps[i].loss, expected[i].loss, 1e-4) << "step " << i + 1;
    EXPECT_NEAR(steps[i].gradient_norm, expected[i].gradient_norm, 1e-3) << "step " << i + 1;
  }
}

TEST(Pipeline, TrainsAndResumesAsOneRank) {
  const TinyRun tiny("pipeline");
  const Options batch = {"train.micro_batch_size", "2", "train.global_batch_size", "8"};
  ASSERT_EQ(tiny.train(1, with(saved_as(tiny, "one", "6"), batch)).exit_code, 0);
  for (const std::string schedule : {"1f1b", "chimera-halving", "zb-h1"}) {
    SCOPED_TRACE(schedule);
    // Three steps on two stages, then the rest on one rank.
    const Finished first = tiny.train(2, with(with(saved_as(tiny, schedule, "3"), batch), piped(schedule)));
    ASSERT_EQ(first.exit_code, 0) << first.output;
    EXPECT_NE(first.output.find(schedule + ", 2 stages on 2 ranks"), std::string::npos) << first.output;
    ASSERT_EQ(tiny.train(1, with(saved_as(tiny, schedule, "6"), batch)).exit_code, 0);
    expect_alike(tiny.steps(schedule), tiny.steps("one"));
  }
}

TEST(Pipeline, LeavesTimelinesOfTracedSteps) {
  const TinyRun tiny("pipeline_timeline");
  const Options profile = {"logging.profile",          "true", "logging.profile_step_start", "2",
                           "logging.profile_step_end", "2"};
  const Finished run = tiny.train(2, with(with(saved_as(tiny, "a", "3"), piped("zb-h1")), profile));
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const Finished shown = tiny.run({"schedule", "show", "--measured", tiny.path("a/trace/pipeline-step-2.json")});
  EXPECT_EQ(shown.exit_code, 0) << shown.output;
  EXPECT_NE(shown.output.find("measured"), std::string::npos) << shown.output;
}

TEST(Pipeline, StreamsGoOnWhereTheyEnded) {
  const TinyRun tiny("pipeline_stream");
  const Options stream = {"train.global_batch_size",
                          "4",
                          "train.micro_batch_size",
                          "2",
                          "optimizer.clip_grad",
                          "0",
                          "model.untie_embeddings_and_output_weights",
                          "true",
                          "checkpoint.save_interval",
                          "4",
                          "parallel.pipeline_stream_steps",
                          "2"};
  const auto train = [&](const std::string& name, const std::string& steps) {
    return tiny.train(2, with(with(saved_as(tiny, name, steps), piped("pipedream-2bw")), stream));
  };
  const Finished whole = train("whole", "8");
  ASSERT_EQ(whole.exit_code, 0) << whole.output;
  ASSERT_EQ(train("parts", "4").exit_code, 0);
  ASSERT_EQ(train("parts", "8").exit_code, 0);
  EXPECT_EQ(tiny.steps("parts"), tiny.steps("whole"));
  EXPECT_EQ(test::difference(tiny.path("whole"), tiny.path("parts")), "");
}

TEST(Pipeline, RefusesWhatCannotBe) {
  const TinyRun tiny("pipeline_refusals");
  const auto expect = [&](const Options& options, const std::string& message) {
    const Finished run = tiny.train(2, options);
    EXPECT_EQ(run.exit_code, 2) << run.output;
    EXPECT_NE(run.output.find(message), std::string::npos) << run.output;
  };
  expect(piped("1f2b"), "error: parallel.pipeline_schedule = 1f2b: expected one of gpipe, 1f1b, ");
  expect(piped("pipedream-2bw"), "error: model.untie_embeddings_and_output_weights = false with an asynchronous ");
  expect(with(piped("interleaved"), {"parallel.virtual_pipeline_model_parallel_size", "9"}),
         "18 pipeline stages for 4 units");
  expect(with(piped("1f1b"), {"parallel.virtual_pipeline_model_parallel_size", "2"}),
         "error: parallel.virtual_pipeline_model_parallel_size = 2 with parallel.pipeline_schedule = 1f1b: expected 0");
  expect(with(piped("pipedream"),
              {"train.reproducible", "true", "model.untie_embeddings_and_output_weights", "true", "optimizer.clip_grad",
               "0", "train.global_batch_size", "1", "train.micro_batch_size", "1"}),
         "error: parallel.pipeline_schedule = pipedream with train.reproducible = true: expected a synchronous one");
  expect(with(piped("chimera-halving"), {"train.micro_batch_size", "1"}),
         "error: train.micro_batch_size = 1: expected a multiple of 2, as the pipeline's schedule cuts micro-batches");
}

}  // namespace
}  // namespace kumiko
