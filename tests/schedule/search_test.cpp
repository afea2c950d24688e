#include "kumiko/schedule/search.h"

#include <gtest/gtest.h>

#include <string>

#include "kumiko/base/error.h"
#include "kumiko/base/random.h"
#include "kumiko/schedule/list_schedule.h"
#include "kumiko/schedule/simulate.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

double uniform(uint64_t index) { return random_uniform(random_key(11, RandomStream::test, 0), index); }

ScheduleRequest random_request(int p, int m, uint64_t seed) {
  ScheduleRequest request;
  request.num_ranks = p;
  request.num_micro_batches = m;
  request.times = {0.5 + uniform(8 * seed), 0.5 + uniform(8 * seed + 1), 0.2 + uniform(8 * seed + 2)};
  request.memory.after_backward = 0.2 + 0.8 * uniform(8 * seed + 3);
  request.transfer = 0.2 * uniform(8 * seed + 4);
  request.memory_limit = 1 + p * 1.5 * uniform(8 * seed + 5);
  return request;
}

// The cost of a schedule on the request's terms.
void expect_fits(const Schedule& schedule, const ScheduleCosts& costs, double limit, double cost) {
  verify(schedule);
  const Simulation simulation = simulate(schedule, costs);
  EXPECT_DOUBLE_EQ(simulation.cost, cost);
  const std::vector<double> limits = memory_limits(schedule.placement, costs, limit);
  for (size_t rank = 0; rank < limits.size(); ++rank)
    EXPECT_LE(simulation.peak_memory[rank], limits[rank] * (1 + 1e-9));
}

// The cost of a published schedule, 0 if it takes more memory.
double cost_within(const Schedule& schedule, const ScheduleCosts& costs, double limit) {
  const Simulation simulation = simulate(schedule, costs);
  const std::vector<double> limits = memory_limits(schedule.placement, costs, limit);
  for (size_t rank = 0; rank < limits.size(); ++rank) {
    if (simulation.peak_memory[rank] > limits[rank] * (1 + 1e-9)) return 0;
  }
  return simulation.cost;
}

TEST(Search, IsNeverWorseThanAPublishedSchedule) {
  int better = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const ScheduleRequest request = random_request(seed % 2 == 0 ? 4 : 3, 2 + static_cast<int>(seed), seed);
    const SearchResult result = search_schedule(request);
    expect_fits(result.schedule, costs_of(request, result.schedule.num_stages()), request.memory_limit, result.cost);
    EXPECT_GE(result.gap(), -1e-9) << seed;
    EXPECT_LE(result.gap(), 1) << seed;
    for (const ScheduleGenerator& generator : schedule_generators()) {
      if (!generator.synchronous || generator.make == make_searched) continue;
      if (request.num_ranks % 2 != 0 && generator.name.starts_with("chimera")) continue;
      ScheduleRequest asked = request;
      asked.chunks = 2;
      const Schedule schedule = generator.make(asked);
      const double cost = cost_within(schedule, costs_of(asked, schedule.num_stages()), request.memory_limit);
      if (cost == 0) continue;
      EXPECT_LE(result.cost, cost * (1 + 1e-12)) << generator.name << ' ' << seed;
      EXPECT_LE(result.best_published, cost * (1 + 1e-12)) << generator.name << ' ' << seed;
    }
    if (result.best_published == 0 || result.cost < 0.99 * result.best_published) ++better;
  }
  EXPECT_GE(better, 5);
}

// The first row of the published tables, at the memory of 1F1B.
TEST(Search, IsBetterThanPublishedForMeasuredTimes) {
  ScheduleRequest request;
  request.num_ranks = 8;
  request.num_micro_batches = 24;
  request.times = {18.522, 18.086, 9.337};
  request.transfer = .601;
  const SearchResult result = search_schedule(request);
  expect_fits(result.schedule, costs_of(request, result.schedule.num_stages()), 8, result.cost);
  EXPECT_LT(result.cost, 0.96 * result.best_published);
  EXPECT_LT(result.gap(), 0.03);
}

TEST(Search, LeavesOutReplicatedStagesWhereAsked) {
  ScheduleRequest request = random_request(4, 8, 5);
  request.pipeline_pairs = 0;
  const SearchResult result = search_schedule(request);
  EXPECT_EQ(result.schedule.placement.num_routes(), 1);
  expect_fits(result.schedule, costs_of(request, result.schedule.num_stages()), request.memory_limit, result.cost);
}

TEST(Search, FitsEachStagesCosts) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = 8;
  request.stage_costs = uniform_costs(4, 1, {}, 0.1);
  request.stage_costs.times[0].forward = 1.4;
  request.stage_costs.times[3] = {1.3, 1.5, 0.9};
  const SearchResult result = search_schedule(request);
  EXPECT_EQ(result.schedule.num_stages(), 4);
  expect_fits(result.schedule, request.stage_costs, 4, result.cost);
  EXPECT_LT(result.cost, result.best_published);
  request.stage_costs = uniform_costs(8, 2, {}, 0.1);
  EXPECT_EQ(make_searched(request).num_stages(), 8);
}

TEST(Search, GivesTheSameScheduleEachTime) {
  const ScheduleRequest request = random_request(4, 6, 3);
  const Schedule schedule = make_searched(request);
  EXPECT_EQ(schedule.name, "searched");
  EXPECT_EQ(schedule.actions, make_searched(request).actions);
}

TEST(Search, OneMicroBatchAtATimeFitsTheLeastMemory) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = 3;
  request.memory_limit = 1;
  EXPECT_GT(search_schedule(request).cost, 0);
}

std::string message_of(const ScheduleRequest& request) {
  try {
    search_schedule(request);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "none";
}

TEST(Search, RefusesWhatCannotBe) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = 4;
  request.memory_limit = 0.25;
  EXPECT_EQ(message_of(request), "memory_limit = 0.25: expected at least 1, the activations of one micro-batch");
  request.memory_limit = 4;
  request.stage_costs = uniform_costs(6, 1, {}, 0);
  EXPECT_EQ(message_of(request),
            "costs of 6 stages: no schedule has so many on 4 pipeline ranks; use a multiple of them");
}

}  // namespace
}  // namespace kumiko
