#include "kumiko/train/breakdown.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <sstream>

namespace kumiko {
namespace {

RegionTime& at(RegionTimes& times, RegionRow row) { return times.rows[static_cast<size_t>(row)]; }

TEST(BreakdownTable, IsAsItIs) {
  RegionTimes times;
  times.steps = 2;
  at(times, RegionRow::batch_generator) = {1'000'000, 2};
  at(times, RegionRow::forward_mlp) = {60'000'000, 24};
  at(times, RegionRow::checkpoint) = {19'000'000, 1};
  at(times, RegionRow::other) = {20'000'000, 0};
  EXPECT_EQ(breakdown_table(times, {{RegionRow::forward_mlp, 6e10}, {RegionRow::optimizer, 1e9}}),
            "region                            ms/step    share   calls   TFLOP/s\n"
            "batch generator                      0.50     1.0%       1\n"
            "forward: mlp                        30.00    60.0%      12     2.000\n"
            "checkpoint                           9.50    19.0%     0.5\n"
            "other                               10.00    20.0%\n"
            "step (mean of 2)                    50.00   100.0%             1.200\n");
}

// Thirds and sevenths, for which rounding each number by itself would miss the sum.
TEST(BreakdownTable, AddsUpToTheStepAsPrinted) {
  for (int64_t steps = 1; steps < 40; ++steps) {
    RegionTimes times;
    times.steps = steps;
    for (size_t i = 0; i < num_region_rows; ++i) {
      times.rows[i] = {static_cast<int64_t>(1'000'000'007 / (7 * i + 3)), 1};
    }
    std::istringstream lines(breakdown_table(times));
    std::string line;
    std::getline(lines, line);
    int64_t units = 0;
    int64_t tenths = 0;
    while (std::getline(lines, line)) {
      double milliseconds = 0;
      double share = 0;
      ASSERT_EQ(std::sscanf(line.c_str() + 30, "%lf %lf%%", &milliseconds, &share), 2) << line;
      const int64_t row_units = std::llround(milliseconds * 100);
      const int64_t row_tenths = std::llround(share * 10);
      if (line.rfind("step (", 0) == 0) {
        EXPECT_EQ(units, row_units);
        EXPECT_EQ(tenths, row_tenths);
        EXPECT_EQ(row_units, std::llround(static_cast<double>(times.nanoseconds()) / static_cast<double>(steps) / 1e4));
      }
      units += row_units;
      tenths += row_tenths;
    }
    EXPECT_EQ(tenths, 2000);
  }
}

TEST(BreakdownTable, SaysThatThereWasNoStep) {
  EXPECT_EQ(breakdown_table({}), "breakdown: no steps since the last one\n");
}

}  // namespace
}  // namespace kumiko
