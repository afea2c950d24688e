#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "kumiko/base/error.h"
#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/simulate.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

constexpr StageTimes equal_times{1, 0.5, 0.5};  // F = BW
constexpr StageTimes double_times{1, 1, 1};     // 2 F = BW
constexpr auto generators = {make_chimera, make_chimera_doubling, make_chimera_halving};

ScheduleRequest request_of(int depth, int num_micro_batches, int pairs = 1, const StageTimes& times = equal_times) {
  ScheduleRequest request;
  request.num_ranks = depth;
  request.num_micro_batches = num_micro_batches;
  request.pipeline_pairs = pairs;
  request.times = times;
  return request;
}

double cost_of(Schedule (*make)(const ScheduleRequest&), const ScheduleRequest& request) {
  const Schedule schedule = make(request);
  verify(schedule);
  return simulate(schedule, costs_of(request, schedule.num_stages())).cost;
}

// Of 2 f pipelines: bubble ratio (D - 2f) / (2 f N + D - 2f).
TEST(Chimera, BubbleWhereForwardAndBackwardTakeTheSameTime) {
  for (const int depth : {2, 4, 8, 12}) {
    for (const int pairs : {1, 2, 3, 4, 6}) {
      if (depth / 2 % pairs != 0) continue;
      for (const int units : {1, 2, 3, 8}) {
        const int n = units * depth;
        const ScheduleRequest request = request_of(depth, n, pairs);
        const Simulation simulation = simulate(make_chimera(request), costs_of(request, depth));
        const double idle = depth - 2.0 * pairs;
        EXPECT_NEAR(simulation.bubble_rate, idle / (2 * pairs * n + idle), 1e-12) << depth << ' ' << pairs << ' ' << n;
      }
    }
  }
}

// (D - 2) / (3N/2 + D - 2) at N = D; each more unit of D micro-batches leaves (D - 2) F between itself and the last.
TEST(Chimera, BubbleWhereBackwardTakesTwiceAsLong) {
  for (const int depth : {2, 4, 8, 12}) {
    for (const int units : {1, 2, 3, 8}) {
      const int n = units * depth;
      EXPECT_DOUBLE_EQ(cost_of(make_chimera, request_of(depth, n, 1, double_times)), 3 * n + (units + 1) * (depth - 2));
    }
  }
}

// Both wait no longer the more micro-batches there are. F of a pair's first is sent before F of its second: less than
// the published 2 (D - 2) F.
TEST(Chimera, DoublingAndHalvingLeaveNoBubblesBetweenUnits) {
  for (const int depth : {2, 4, 8, 12}) {
    for (const int units : {2, 4, 8}) {
      const int n = units * depth;
      const ScheduleRequest request = request_of(depth, n, 1, double_times);
      EXPECT_DOUBLE_EQ(cost_of(make_chimera_doubling, request), 3 * n + 1.5 * (depth - 2));
      EXPECT_DOUBLE_EQ(cost_of(make_chimera_halving, request), 3 * n + 0.75 * (depth - 2));
    }
  }
}

TEST(Chimera, HoldsFromHalfToAllOfTheDepth) {
  for (const int depth : {2, 4, 8, 12}) {
    for (const int n : {depth, 3 * depth}) {
      const std::vector<double> held = verify(make_chimera(request_of(depth, n))).peak_activations;
      EXPECT_EQ(*std::min_element(held.begin(), held.end()), depth / 2 + 1);
      EXPECT_EQ(*std::max_element(held.begin(), held.end()), depth);
      const std::vector<double> halves = verify(make_chimera_halving(request_of(depth, n))).peak_activations;
      EXPECT_EQ(*std::max_element(halves.begin(), halves.end()), depth);
    }
    const std::vector<double> pairs = verify(make_chimera_doubling(request_of(depth, 4 * depth))).peak_activations;
    EXPECT_EQ(*std::max_element(pairs.begin(), pairs.end()), 2 * depth);
  }
}

TEST(Chimera, AnyNumberOfMicroBatches) {
  for (const auto make : generators) {
    for (const int pairs : {1, 2}) {
      for (int n = 1; n <= 37; ++n) {
        const Schedule schedule = make(request_of(8, n, pairs));
        verify(schedule);
        EXPECT_EQ(schedule.num_micro_batches(), n * schedule.parts_per_micro_batch);
        EXPECT_TRUE(std::is_sorted(schedule.routes.begin(), schedule.routes.end()));
        for (const int route : {0, 2 * pairs - 1}) {
          const auto count = std::count(schedule.routes.begin(), schedule.routes.end(), route);
          EXPECT_EQ(count, schedule.parts_per_micro_batch * ((n + (route == 0 ? 2 * pairs - 1 : 0)) / (2 * pairs)));
        }
      }
    }
  }
}

TEST(Chimera, HalvesOfAMicroBatchGoForwardTogether) {
  const Schedule schedule = make_chimera_halving(request_of(4, 6));
  EXPECT_EQ(schedule.parts_per_micro_batch, 2);
  for (const std::vector<Action>& actions : schedule.actions) {
    for (size_t i = 0; i < actions.size(); ++i) {
      if (actions[i].kind != ActionKind::forward || actions[i].micro_batch % 2 != 0) continue;
      EXPECT_EQ(actions[i + 1], (Action{ActionKind::forward, actions[i].stage, actions[i].micro_batch + 1}));
    }
  }
}

std::string message_of(const ScheduleRequest& request) {
  try {
    make_chimera(request);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "none";
}

TEST(Chimera, RefusesWhatIsNotDefined) {
  EXPECT_EQ(message_of(request_of(5, 8)),
            "5 pipeline ranks: Chimera pairs each rank with one of the other half; use 4 or 6");
  EXPECT_EQ(message_of(request_of(1, 8)),
            "1 pipeline ranks: Chimera pairs each rank with one of the other half; use 2");
  EXPECT_EQ(message_of(request_of(8, 8, 3)),
            "pipeline_pairs = 3: expected a divisor of half of the 8 pipeline ranks: 1, 2, 4");
}

}  // namespace
}  // namespace kumiko
