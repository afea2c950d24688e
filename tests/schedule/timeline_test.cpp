#include "kumiko/schedule/timeline.h"

#include <gtest/gtest.h>

#include "kumiko/schedule/report.h"

namespace kumiko {
namespace {

ScheduleReport report_of(const char* name, int num_ranks, int num_micro_batches) {
  ScheduleRequest request;
  request.num_ranks = num_ranks;
  request.num_micro_batches = num_micro_batches;
  request.chunks = 2;
  request.times = {2, 3, 1};
  request.transfer = 0.25;
  return report_on_schedule(name, request);
}

TEST(Timeline, FactsAreThoseOfTheSimulation) {
  for (const char* name : {"gpipe", "1f1b", "interleaved", "zb-h1", "chimera", "chimera-halving"}) {
    const ScheduleReport report = report_of(name, 4, 6);
    const TimelineFacts facts = facts_of(timeline_of(report));
    EXPECT_DOUBLE_EQ(facts.cost, report.simulation.cost) << name;
    EXPECT_NEAR(facts.bubble_rate, report.simulation.bubble_rate, 1e-12) << name;
    ASSERT_EQ(facts.busy.size(), report.simulation.busy.size());
    for (size_t rank = 0; rank < facts.busy.size(); ++rank) {
      EXPECT_NEAR(facts.busy[rank], report.simulation.busy[rank], 1e-9) << name;
    }
  }
}

TEST(Timeline, HeldActivationsPeakAsVerified) {
  for (const char* name : {"gpipe", "1f1b", "interleaved", "zb-h1", "chimera", "chimera-halving"}) {
    const ScheduleReport report = report_of(name, 4, 6);
    for (int rank = 0; rank < 4; ++rank) {
      double most = 0;
      double before = 0;
      for (const HeldActivations& change : activations_over_time(timeline_of(report), rank)) {
        EXPECT_GE(change.time, before);
        before = change.time;
        most = std::max(most, change.held);
      }
      EXPECT_NEAR(most, report.facts.peak_activations[static_cast<size_t>(rank)], 1e-12) << name << " rank " << rank;
      EXPECT_NEAR(activations_over_time(timeline_of(report), rank).back().held, 0, 1e-12) << name;
    }
  }
}

TEST(Timeline, StartsFromZeroWhereverTheClockStood) {
  Timeline timeline = timeline_of(report_of("1f1b", 2, 2));
  for (auto& rank : timeline.times) {
    for (ActionTime& time : rank) time = {time.begin + 1000, time.end + 1000};
  }
  EXPECT_DOUBLE_EQ(from_zero(timeline).times[0][0].begin, 0);
  EXPECT_DOUBLE_EQ(from_zero(timeline).times[0][0].end, 2);
  EXPECT_DOUBLE_EQ(facts_of(from_zero(timeline)).cost, facts_of(timeline).cost);
}

TEST(Timeline, PartsOfARank) {
  const ScheduleReport interleaved = report_of("interleaved", 2, 2);
  const std::vector<double> chunks = parts_of_actions(interleaved.schedule, 1);
  for (size_t n = 0; n < chunks.size(); ++n) {
    EXPECT_EQ(chunks[n], interleaved.schedule.actions[1][n].stage == 3 ? 1 : 0);
  }
  const ScheduleReport chimera = report_of("chimera", 2, 2);
  const std::vector<double> directions = parts_of_actions(chimera.schedule, 0);
  for (size_t n = 0; n < directions.size(); ++n) {
    EXPECT_EQ(directions[n], chimera.schedule.actions[0][n].stage == 1 ? 1 : 0);
  }
}

}  // namespace
}  // namespace kumiko
