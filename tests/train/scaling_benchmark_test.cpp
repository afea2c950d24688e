// Run on several ranks: that every layout computes the same, and what is refused before any of them runs.
#include "kumiko/train/scaling_benchmark.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "support/world.h"

namespace kumiko {
namespace {

ScalingOptions tiny_options(const std::string& layouts) {
  ScalingOptions options;
  options.step.micro_batch_size = 1;
  options.step.seq_length = 8;
  options.step.parallel.num_threads = 1;
  options.step.warmup = 0;
  options.step.steps = 2;
  options.step.settings = {{"model.num_layers", "2"},
                           {"model.hidden_size", "16"},
                           {"model.num_attention_heads", "4"},
                           {"model.vocab_size", "50"},
                           {"model.max_position_embeddings", "8"}};
  options.rounds = 2;
  options.layouts = parse_layouts(layouts);
  return options;
}

TEST(BenchmarkScaling, RunsEveryLayoutOnTheSameBatch) {
  const ScalingRecord record = benchmark_scaling(tiny_options("1x1,2x1,1x2,2x2:zero_stage=3,1x4"), test::world());
  ASSERT_EQ(record.rows.size(), 5U);
  for (const ScalingRow& row : record.rows) {
    EXPECT_EQ(row.global_batch_size, 2);
    const bool takes_part = test::world().rank() < row.layout.num_ranks();
    ASSERT_EQ(row.rounds.size(), takes_part ? 2U : 0U) << row.layout.name();
    if (!takes_part) continue;
    // In f32, of losses of about 4 whose sums are of 16 tokens: far above rounding, far below another batch's loss.
    EXPECT_NEAR(row.loss, record.rows[0].loss == 0 ? row.loss : record.rows[0].loss, 1e-4) << row.layout.name();
    EXPECT_LE(row.rounds[0].step_seconds, row.rounds[1].step_seconds);
    EXPECT_EQ(row.rounds[0].times.steps, 2);
    EXPECT_GT(row.rounds[0].times.at(RegionRow::forward_mlp).nanoseconds, 0);
    for (const Axis axis : {Axis::data, Axis::tensor}) {
      const AxisTraffic& traffic = row.rounds[0].traffic[static_cast<size_t>(axis)];
      if (row.layout.size(axis) > 1) {
        EXPECT_GT(traffic.bytes, 0) << row.layout.name();
        EXPECT_GT(traffic.seconds, 0) << row.layout.name();
      } else {
        EXPECT_EQ(traffic.exposed, 0) << row.layout.name();
      }
    }
  }
  if (test::world().rank() > 0) return;
  EXPECT_GT(record.peak, 0);
  EXPECT_EQ(record.efficiency(record.rows[0]), 1);
  EXPECT_EQ(record.num_threads, 1);
}

TEST(BenchmarkScaling, WeakScalingKeepsTheBatchOfARank) {
  ScalingOptions options = tiny_options("1x1,2x2");
  options.mode = ScalingMode::weak;
  options.rank_batch_size = 2;
  options.rounds = 1;
  const ScalingRecord record = benchmark_scaling(options, test::world());
  EXPECT_EQ(record.rows[0].global_batch_size, 2);
  EXPECT_EQ(record.rows[1].global_batch_size, 8);
}

std::string error_of(const ScalingOptions& options) {
  try {
    benchmark_scaling(options, test::world());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(BenchmarkScaling, RefusesLayoutsThatDoNotFit) {
  EXPECT_EQ(error_of(tiny_options("1x1,8x2")),
            "layout 8x2 needs 16 ranks, and there are 4: start with `mpiexec -n 16`, or leave it out of --layouts");
  EXPECT_NE(error_of(tiny_options("1x1,1x3")).find("parallel.tensor_model_parallel_size = 3: "), std::string::npos);
  EXPECT_NE(error_of(tiny_options("4x1:zero_stage=1:zero_group_size=3")).find("parallel.zero_group_size = 3"),
            std::string::npos);
  ScalingOptions options = tiny_options("1x1,2x1");
  options.global_batch_size = 3;
  EXPECT_NE(error_of(options).find("train.global_batch_size = 3 does not divide"), std::string::npos);
  options.mode = ScalingMode::weak;
  EXPECT_NE(error_of(options).find("expected the first in strong mode, the second in weak"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
