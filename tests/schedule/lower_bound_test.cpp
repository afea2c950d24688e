#include "kumiko/schedule/lower_bound.h"

#include <gtest/gtest.h>

#include "kumiko/base/random.h"
#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/list_schedule.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {
namespace {

double uniform(uint64_t index) { return random_uniform(random_key(7, RandomStream::test, 0), index); }

ScheduleCosts random_costs(int num_stages, uint64_t seed) {
  ScheduleCosts costs = uniform_costs(num_stages, 1, {}, 0.3 * uniform(100 * seed));
  for (size_t stage = 0; stage < costs.times.size(); ++stage) {
    const uint64_t first = 100 * seed + 4 * stage + 1;
    costs.times[stage] = {0.5 + uniform(first), 0.5 + uniform(first + 1), 0.3 + uniform(first + 2)};
    costs.memory[stage] = {1, 0.2 + 0.8 * uniform(first + 3)};
  }
  return costs;
}

// Within the memory that a schedule uses, no schedule is shorter than the bound: that one neither.
TEST(LowerBound, IsNotAboveAnySchedule) {
  uint64_t seed = 0;
  for (const ScheduleGenerator& generator : schedule_generators()) {
    if (!generator.synchronous || generator.make == make_searched) continue;
    for (const int p : {2, 4, 6}) {
      for (const int m : {1, 3, 7, 16}) {
        ScheduleRequest request;
        request.num_ranks = p;
        request.num_micro_batches = m;
        request.chunks = 2;
        const Schedule schedule = generator.make(request);
        const ScheduleCosts costs = random_costs(schedule.num_stages(), seed++);
        const Simulation simulation = simulate(schedule, costs);
        const double bound = lower_bound(schedule, costs, simulation.peak_memory);
        EXPECT_LE(bound, simulation.cost * (1 + 1e-12)) << schedule.name << ' ' << p << ' ' << m;
        EXPECT_GT(bound, 0.2 * simulation.cost) << schedule.name << ' ' << p << ' ' << m;
      }
    }
  }
}

double bound_of(const Schedule& schedule, const StageTimes& times, const StageMemory& memory, double limit) {
  const int chunks = schedule.num_stages() / schedule.num_ranks();
  const ScheduleCosts costs = uniform_costs(schedule.num_stages(), chunks, times, 0, memory);
  return lower_bound(schedule, costs, memory_limits(schedule.placement, costs, limit));
}

TEST(LowerBound, ProvesWhatIsBest) {
  ScheduleRequest request;
  request.num_ranks = 8;
  request.num_micro_batches = 24;
  request.times = {1, 1.2, 0.7};
  const StageMemory held{1, 1};
  // ZB-H1, whose activations are held until W.
  const Schedule h1 = make_zb_h1(request);
  EXPECT_NEAR(bound_of(h1, request.times, held, 8), simulate(h1, costs_of(request, 8)).cost, 1e-9);
  // One micro-batch comes down to the last rank before its F and B of all, and one goes up after them.
  request.num_micro_batches = 2;
  EXPECT_NEAR(bound_of(make_gpipe(request), request.times, held, 2), 7 * 2.2 + 2 * 2.2 + 0.7, 1e-9);
  request.num_micro_batches = 1;
  EXPECT_NEAR(bound_of(make_gpipe(request), request.times, held, 1), 8 * 2.2 + 0.7, 1e-9);
}

// With an eighth of 1F1B's memory each micro-batch has the first rank to itself.
TEST(LowerBound, MemoryTakesTime) {
  ScheduleRequest request;
  request.num_ranks = 8;
  request.num_micro_batches = 24;
  const Schedule form = make_zb_h1(request);
  EXPECT_DOUBLE_EQ(bound_of(form, {}, {1, 1}, 1), 24 * (8 * 2 + 1));
  EXPECT_DOUBLE_EQ(bound_of(form, {}, {1, 1}, 4), 24 * (8 * 2 + 1) / 4.0);
}

}  // namespace
}  // namespace kumiko
