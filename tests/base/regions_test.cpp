#include "kumiko/base/regions.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>

namespace kumiko {
namespace {

using std::chrono::milliseconds;

int64_t steady_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void sleep_for_milliseconds(int count) { std::this_thread::sleep_for(milliseconds(count)); }

constexpr int64_t nanoseconds_per_millisecond = 1'000'000;

TEST(RegionTimer, RowsAddUpToTheTimeThatPassed) {
  const int64_t before = steady_nanoseconds();
  RegionTimer timer;
  const int64_t begin = steady_nanoseconds();
  for (int step = 0; step < 3; ++step) {
    { const Span span(timer, Region::batch_generator); }
    {
      const PhaseSpan phase(timer, Phase::forward);
      const Span span(timer, Region::mlp);
      const Span inner(timer, Region::layer_norm);
    }
    timer.end_step();
  }
  const int64_t end = steady_nanoseconds();
  const RegionTimes times = timer.take();
  const int64_t after = steady_nanoseconds();
  EXPECT_EQ(times.steps, 3);
  EXPECT_GE(times.nanoseconds(), end - begin);
  EXPECT_LE(times.nanoseconds(), after - before);
}

TEST(RegionTimer, AnInnerSpanTakesItsTimeFromTheOuterOne) {
  RegionTimer timer;
  {
    const PhaseSpan phase(timer, Phase::forward);
    const Span outer(timer, Region::mlp);
    {
      const Span inner(timer, Region::layer_norm);
      sleep_for_milliseconds(20);
    }
    sleep_for_milliseconds(2);
  }
  const RegionTimes times = timer.take();
  EXPECT_GE(times.at(RegionRow::forward_layer_norm).nanoseconds, 20 * nanoseconds_per_millisecond);
  EXPECT_GE(times.at(RegionRow::forward_mlp).nanoseconds, 2 * nanoseconds_per_millisecond);
  EXPECT_LE(times.at(RegionRow::forward_mlp).nanoseconds,
            times.nanoseconds() - times.at(RegionRow::forward_layer_norm).nanoseconds);
}

TEST(RegionTimer, CountsCallsOfEachRowInItsPhase) {
  RegionTimer timer;
  for (const Phase phase : {Phase::none, Phase::forward, Phase::backward, Phase::evaluation}) {
    const PhaseSpan phase_span(timer, phase);
    const Span span(timer, Region::attention_qkv);
    const Span step_region(timer, Region::gradient_all_reduce);
  }
  { const Span span(timer, Region::other); }
  const RegionTimes times = timer.take();
  EXPECT_EQ(times.at(RegionRow::forward_attention_qkv).calls, 2);  // also without a phase
  EXPECT_EQ(times.at(RegionRow::backward_attention_qkv).calls, 1);
  EXPECT_EQ(times.at(RegionRow::gradient_all_reduce).calls, 3);
  EXPECT_EQ(times.at(RegionRow::evaluation).calls, 3);  // the phase and both spans in it
  EXPECT_EQ(times.at(RegionRow::forward_other).calls, 1);
  EXPECT_EQ(times.at(RegionRow::backward_other).calls, 1);
  EXPECT_EQ(times.at(RegionRow::other).calls, 2);
}

TEST(RegionTimer, TakeWithinASpanSplitsItsTime) {
  RegionTimer timer;
  RegionTimes first;
  {
    const Span span(timer, Region::optimizer);
    sleep_for_milliseconds(5);
    first = timer.take();
    sleep_for_milliseconds(5);
  }
  const RegionTimes second = timer.take();
  EXPECT_GE(first.at(RegionRow::optimizer).nanoseconds, 5 * nanoseconds_per_millisecond);
  EXPECT_GE(second.at(RegionRow::optimizer).nanoseconds, 5 * nanoseconds_per_millisecond);
  EXPECT_EQ(second.at(RegionRow::optimizer).calls, 0);
}

TEST(RegionTimer, ASpanOfNoTimerDoesNothing) {
  const PhaseSpan phase(nullptr, Phase::forward);
  const Span span(nullptr, Region::mlp);
}

TEST(RegionRow, EveryRowHasItsOwnName) {
  std::set<std::string> names;
  for (size_t i = 0; i < num_region_rows; ++i) names.emplace(name_of(static_cast<RegionRow>(i)));
  EXPECT_EQ(names.size(), num_region_rows);
  EXPECT_EQ(names.count(""), 0u);
  EXPECT_EQ(name_of(region_row(Phase::forward, Region::head_and_loss)), "forward: head and loss");
  EXPECT_EQ(name_of(region_row(Phase::backward, Region::embedding)), "backward: embedding");
}

}  // namespace
}  // namespace kumiko
