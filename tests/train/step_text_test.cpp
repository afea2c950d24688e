#include "kumiko/train/step_text.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kumiko/base/text_width.h"

namespace kumiko {
namespace {

StepMetrics example() {
  StepMetrics metrics;
  metrics.step = 120;
  metrics.total_steps = 2000;
  metrics.loss = 2.34567;
  metrics.learning_rate = 3e-4;
  metrics.gradient_norm = 0.8721;
  metrics.step_seconds = 0.51234;
  metrics.tokens_per_second = 16034.4;
  metrics.flops_per_second = 0.5124e12;
  metrics.utilization = 0.421;
  metrics.memory_bytes = int64_t{1320} << 20;
  return metrics;
}

TEST(StepLine, NamesEachValue) {
  EXPECT_EQ(step_line(example()),
            "step 120/2000 | loss 2.3457 | lr 3.00e-04 | grad norm 0.872 | step 512.3 ms | 16,034 tokens/s | "
            "0.512 TFLOP/s | MFU 42.1% | memory 1.29 GiB");
}

TEST(StepLine, SurvivesBadValuesAndAnUnknownPeak) {
  StepMetrics metrics = example();
  metrics.loss = NAN;
  metrics.gradient_norm = INFINITY;
  metrics.step_seconds = 12.3456;
  metrics.utilization.reset();
  EXPECT_EQ(step_line(metrics),
            "step 120/2000 | loss nan | lr 3.00e-04 | grad norm inf | step 12,346 ms | 16,034 tokens/s | "
            "0.512 TFLOP/s | MFU - | memory 1.29 GiB");
}

TEST(StepColumns, StandUnderTheirHeaderAndFitTheScreen) {
  EXPECT_EQ(step_columns_header(example(), 80),
            "     step     loss       lr     grad step ms  tokens/s TFLOP/s   MFU     memory");
  EXPECT_EQ(step_columns(example(), 80),
            " 120/2000   2.3457 3.00e-04    0.872   512.3    16,034   0.512 42.1%   1.29 GiB");
  StepMetrics large = example();
  large.step = large.total_steps = 9999;
  large.loss = 12345.678;
  large.gradient_norm = 1e9;
  large.step_seconds = 99.999;
  large.tokens_per_second = 1234567;
  large.flops_per_second = 154.32e12;
  large.memory_bytes = int64_t{100} << 30;
  EXPECT_EQ(step_columns(large, 80), "9999/9999 1.23e+04 3.00e-04 1.00e+09  99,999 1,234,567   154.3 42.1% 100.00 GiB");
  EXPECT_EQ(display_width(step_columns(example(), 80)), display_width(step_columns_header(example(), 80)));
  large.step = 1234567;
  large.total_steps = 10'000'000;
  EXPECT_EQ(step_columns(large, 80), " 1234567 1.23e+04 3.00e-04 1.00e+09  99,999 1,234,567   154.3 42.1% 100.00 GiB");
}

TEST(StepColumns, AreFewerOnANarrowScreen) {
  StepMetrics large = example();
  large.tokens_per_second = 123456789;
  large.memory_bytes = int64_t{100} << 40;
  for (size_t width = 1; width < 100; ++width) {
    EXPECT_LE(display_width(step_columns_header(large, width)), width);
    EXPECT_LE(display_width(step_columns(large, width)), width);
  }
  EXPECT_EQ(step_columns_header(large, 40), "     step     loss       lr     grad");
  EXPECT_EQ(step_columns(large, 40), " 120/2000   2.3457 3.00e-04    0.872");
}

TEST(StepLine, ShowsTheLossScale) {
  StepMetrics metrics = example();
  metrics.loss_scale = 65536;
  metrics.skipped_steps = 3;
  EXPECT_TRUE(step_line(metrics).ends_with("memory 1.29 GiB | loss scale 6.55e+04 | 3 skipped"));
  EXPECT_EQ(step_notes(metrics), "");
  metrics.skipped = metrics.overflow = true;
  EXPECT_EQ(step_notes(metrics), "step 120 skipped: its gradients overflow at loss scale 6.55e+04; 3 skipped so far\n");
}

TEST(StepNotes, TellOfSkippedStepsAndValidation) {
  StepMetrics metrics = example();
  EXPECT_EQ(step_notes(metrics), "");
  metrics.skipped = true;
  metrics.validation_loss = 2.0;
  EXPECT_EQ(step_notes(metrics),
            "step 120 skipped: loss or gradients are not finite; the weights stay as they were\n"
            "validation at step 120: loss 2.0000, perplexity 7.39\n");
}

TEST(ProgressBar, FillsAsTheRunGoes) {
  StepMetrics metrics = example();
  metrics.step = 1000;
  metrics.remaining_seconds = 187;
  const BarStyle ascii = {60, false, false};
  EXPECT_EQ(progress_bar(metrics, "", ascii), " 50% |#############              | 1000/2000, 3 m 07 s left");
  EXPECT_EQ(progress_bar(metrics, "evaluating", ascii), " 50% |###############               | 1000/2000, evaluating");
  metrics.step = 2000;
  metrics.remaining_seconds.reset();
  EXPECT_EQ(progress_bar(metrics, "", {30, false, false}), "100% |############| 2000/2000");
  EXPECT_EQ(progress_bar(metrics, "", {30, true, false}), "100% ▕████████████▏ 2000/2000");
  metrics.step = 0;
  EXPECT_EQ(progress_bar(metrics, "", {24, false, false}), "  0% |         | 0/2000");
}

TEST(ProgressBar, IsShorterThanEveryScreen) {
  StepMetrics metrics = example();
  metrics.remaining_seconds = 86400 * 12;
  for (size_t width = 0; width < 120; ++width) {
    for (int64_t step = 0; step <= 2000; step += 37) {
      metrics.step = step;
      for (const bool utf8 : {false, true}) {
        const std::string bar = progress_bar(metrics, "saving a checkpoint", {width, utf8, false});
        EXPECT_LT(display_width(bar), width + (width == 0)) << bar;
      }
    }
  }
}

TEST(ProgressBar, HasColourOnlyWhereWanted) {
  EXPECT_EQ(progress_bar(example(), "", {80, true, false}).find('\033'), std::string::npos);
  EXPECT_NE(progress_bar(example(), "", {80, true, true}).find('\033'), std::string::npos);
}

}  // namespace
}  // namespace kumiko
