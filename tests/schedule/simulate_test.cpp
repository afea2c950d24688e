#include "kumiko/schedule/simulate.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "kumiko/schedule/generators.h"

namespace kumiko {
namespace {

ScheduleRequest request_of(int num_ranks, int num_micro_batches, const StageTimes& times, double transfer = 0) {
  ScheduleRequest request;
  request.num_ranks = num_ranks;
  request.num_micro_batches = num_micro_batches;
  request.times = times;
  request.transfer = transfer;
  return request;
}

Simulation simulation_of(const Schedule& schedule, const ScheduleRequest& request) {
  return simulate(schedule, costs_of(request, schedule.num_stages()));
}

TEST(Simulate, GPipeAndOneForwardOneBackwardWaitForAllOtherStagesOnce) {
  const StageTimes times{2, 3, 1};
  for (const int p : {1, 2, 5}) {
    for (const int m : {1, 3, 5, 12}) {
      const ScheduleRequest request = request_of(p, m, times);
      for (const Schedule& schedule : {make_gpipe(request), make_one_forward_one_backward(request)}) {
        const Simulation simulation = simulation_of(schedule, request);
        EXPECT_DOUBLE_EQ(simulation.cost, (p - 1 + m) * times.total()) << schedule.name << ' ' << p << ' ' << m;
        EXPECT_DOUBLE_EQ(simulation.bubble_rate, 1 - m / (p - 1.0 + m));
        for (const double busy : simulation.busy) EXPECT_DOUBLE_EQ(busy, m * times.total());
      }
    }
  }
}

TEST(Simulate, MessagesTakeTime) {
  const ScheduleRequest request = request_of(2, 1, {1, 1, 1}, 0.5);
  const Simulation simulation = simulation_of(make_gpipe(request), request);
  EXPECT_DOUBLE_EQ(simulation.times[1][0].begin, 1.5);
  EXPECT_DOUBLE_EQ(simulation.times[1][1].end, 4.5);
  EXPECT_DOUBLE_EQ(simulation.times[0][1].begin, 5);
  EXPECT_DOUBLE_EQ(simulation.cost, 7);
}

TEST(Simulate, CountsWhatIsHeld) {
  ScheduleRequest request = request_of(4, 8, {1, 1, 1});
  request.stage_costs = uniform_costs(4, 1, request.times, 0);
  for (StageMemory& memory : request.stage_costs.memory) memory = {10, 4};
  const Simulation one = simulation_of(make_one_forward_one_backward(request), request);
  EXPECT_EQ(one.peak_activations, (std::vector<double>{4, 3, 2, 1}));
  EXPECT_EQ(one.peak_memory, (std::vector<double>{40, 30, 20, 10}));
  EXPECT_EQ(simulation_of(make_gpipe(request), request).peak_activations, (std::vector<double>{8, 8, 8, 8}));

  // A weight gradient that waits holds what its backward left.
  Schedule schedule = empty_schedule("held", StagePlacement::interleaved(1), 2);
  schedule.actions[0] = {{ActionKind::forward, 0, 0},  {ActionKind::forward, 0, 1}, {ActionKind::backward, 0, 0},
                         {ActionKind::backward, 0, 1}, {ActionKind::weight, 0, 0},  {ActionKind::weight, 0, 1}};
  const ScheduleCosts costs{{{1, 2, 3}}, {{2, 3}}, 0};
  const Simulation simulation = simulate(schedule, costs);
  EXPECT_EQ(simulation.peak_memory, std::vector<double>{6});
  EXPECT_EQ(simulation.peak_activations, std::vector<double>{2});
  EXPECT_EQ(simulation.cost, 12);
}

TEST(Simulate, UnevenStagesAndTheirBubble) {
  ScheduleRequest request = request_of(2, 2, {});
  request.stage_costs = {{{1, 1, 1}, {2, 2, 2}}, {{1, 1}, {1, 1}}, 0};
  const Simulation simulation = simulation_of(make_gpipe(request), request);
  EXPECT_DOUBLE_EQ(simulation.cost, 15);  // 1, then 12 on rank 1, then 2 on rank 0
  EXPECT_DOUBLE_EQ(simulation.bubble_rate, 1 - (6 + 12) / 30.0);
}

TEST(Simulate, ScheduleThatStopsIsAnInternalError) {
  Schedule schedule = empty_schedule("broken", StagePlacement::interleaved(2), 1);
  schedule.actions[0] = {{ActionKind::whole_backward, 0, 0}, {ActionKind::forward, 0, 0}};
  schedule.actions[1] = {{ActionKind::forward, 1, 0}, {ActionKind::whole_backward, 1, 0}};
  try {
    simulate(schedule, uniform_costs(2, 1, {}, 0));
    FAIL() << "simulated";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_NE(std::string(error.what()).find("BW of micro-batch 0 at stage 0"), std::string::npos) << error.what();
  }
}

TEST(Simulate, CostsOfAnotherNumberOfStagesAreAUserError) {
  ScheduleRequest request = request_of(2, 2, {});
  request.stage_costs = uniform_costs(4, 2, {}, 0);
  EXPECT_THROW(costs_of(request, 2), Error);
}

}  // namespace
}  // namespace kumiko
