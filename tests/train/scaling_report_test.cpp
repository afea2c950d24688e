// The record as text, JSON and a picture, from made-up numbers.
#include "kumiko/train/scaling_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "kumiko/train/scaling_bars.h"
#include "kumiko/train/scaling_plot.h"

namespace kumiko {
namespace {

// A step of 80 % forward mlp, 20 % waiting for gradients.
ScalingRound round_of(double seconds) {
  ScalingRound round{seconds, {}, {}};
  const auto nanoseconds = static_cast<int64_t>(seconds * 1e9);
  round.times.steps = 1;
  round.times.rows[static_cast<size_t>(RegionRow::forward_mlp)] = {nanoseconds * 8 / 10, 1};
  round.times.rows[static_cast<size_t>(RegionRow::gradient_all_reduce)] = {nanoseconds * 2 / 10, 1};
  round.traffic[static_cast<size_t>(Axis::data)] = {3e6, 0.4 * seconds, 0.1 * seconds};
  return round;
}

ScalingRecord sample_record() {
  ScalingRecord record;
  record.options.step.model = "gpt2-124m";
  record.options.step.seq_length = 1000;
  record.options.step.micro_batch_size = 1;
  record.options.step.steps = 1;
  record.options.global_batch_size = 2;
  record.options.rounds = 3;
  record.shape.num_layers = 12;
  record.shape.num_parameters = 1e9 / 6 * 0.05;  // 0.05 GFLOP a token, 0.1 TFLOP a step
  record.num_threads = 1;
  record.num_hosts = 1;
  record.peak = 0.2e12;
  record.cpu = "a CPU";
  record.network = "a network";
  const auto layouts = parse_layouts("1x1,2x1:zero_stage=1");
  record.rows.push_back({layouts[0], 2, {round_of(0.8), round_of(1), round_of(2)}, 10});
  record.rows.push_back({layouts[1], 2, {round_of(0.6), round_of(0.625), round_of(0.7)}, 10});
  return record;
}

TEST(ScalingText, HasTheTableOfLayouts) {
  EXPECT_EQ(scaling_table(sample_record()),
            "  CPUs     DP   TP   batch TFLOP/s a CPU          spread  % peak    TFLOP/s  efficiency    step ms\n"
            "     1      1    1       2        0.1000   0.0500-0.1250    50.0     0.1000     100.0 %     1000.0\n"
            "     2      2    1       2        0.0800   0.0714-0.0833    40.0     0.1600      80.0 %      625.0   "
            "#2 2x1:zero_stage=1\n");
}

TEST(ScalingText, BreaksAStepDown) {
  const std::string text = scaling_text(sample_record());
  for (const char* line : {
           "gpt2-124m, 12 layers, 1000 tokens a sample, fp32; strong scaling at a global batch of 2, micro-batch 1\n",
           "1 thread a CPU (a rank), 1 host, a network, 0.2000 TFLOP/s peak a CPU, measured\n",
           "median of 3 rounds of 1 step each, the layouts in turn\n",
           "ms of a step (data x tensor)              1x1     2x1 #2\n",
           "forward: mlp                            800.0      500.0\n",
           "gradient all-reduce (exposed)           200.0      125.0\n",
           "step                                   1000.0      625.0\n",
           "data axis: MB handed over                   -        3.0\n",
           "data axis: ms in all                        -      250.0\n",
           "data axis: ms waited for                    -       62.5\n",
           "data axis: % hidden                         -         75\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
  EXPECT_EQ(text.find("tensor axis"), std::string::npos);
  EXPECT_EQ(text.find("backward"), std::string::npos);
}

TEST(ScalingJson, SaysTheSame) {
  const auto json = scaling_json(sample_record());
  EXPECT_EQ(json.at("mode"), "strong");
  const auto& second = json.at("layouts").at(1);
  EXPECT_EQ(second.at("layout"), "2x1:zero_stage=1");
  EXPECT_DOUBLE_EQ(second.at("efficiency"), 0.8);
  EXPECT_DOUBLE_EQ(second.at("tflops_per_rank"), 0.08);
  EXPECT_DOUBLE_EQ(second.at("region_ms").at("forward: mlp"), 500);
  EXPECT_DOUBLE_EQ(second.at("communication").at("data").at("exposed_ms"), 62.5);
  EXPECT_FALSE(second.at("communication").contains("tensor"));
  EXPECT_TRUE(json.at("layouts").at(0).at("communication").empty());
}

size_t count(const std::string& text, const std::string& what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(ScalingPlot, DrawsEveryLayout) {
  const std::string svg = scaling_plot(sample_record());
  EXPECT_EQ(count(svg, "<circle"), 4U);  // each layout in both diagrams
  EXPECT_EQ(count(svg, "<polyline"), 4U);
  EXPECT_NE(svg.find(">TP 1, zero_stage 1<"), std::string::npos);
  EXPECT_NE(svg.find("<title>waiting for communication: 20.0 %</title>"), std::string::npos);
  EXPECT_NE(svg.find(">625.0 ms<"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(ScalingPlot, DrawsOneLayoutAlone) {
  ScalingRecord record = sample_record();
  record.rows.pop_back();
  const std::string svg = scaling_plot(record);
  EXPECT_EQ(count(svg, "<circle"), 2U);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(RegionGroups, HoldEveryRowOnce) {
  RegionTimes times;
  for (RegionTime& time : times.rows) time.nanoseconds = 10;
  const auto shares = group_shares(times);
  EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-12);
  for (const double share : shares) EXPECT_GT(share, 0);
}

}  // namespace
}  // namespace kumiko
