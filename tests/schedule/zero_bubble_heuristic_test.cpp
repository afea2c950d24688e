#include "kumiko/schedule/generators/zero_bubble_heuristic.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {
namespace {

TEST(ZeroBubbleHeuristic, KeepsToItsMemory) {
  for (const int p : {1, 2, 3, 8}) {
    for (const int m : {1, 2, 3, 8, 21}) {
      for (const double limit : {1.0, 2.5, 8.0, 16.0}) {
        for (const double after_backward : {0.375, 1.0}) {
          ScheduleRequest request;
          request.num_ranks = p;
          request.num_micro_batches = m;
          request.times = {3, 4, 2};
          request.transfer = 0.25;
          request.memory = {2, 2 * after_backward};
          request.memory_limit = limit;
          const Schedule schedule = make_zb_2p(request);
          const Simulation simulation = simulate(schedule, costs_of(request, p));
          for (size_t rank = 0; rank < schedule.actions.size(); ++rank) {
            EXPECT_EQ(schedule.actions[rank].size(), 3 * static_cast<size_t>(m));
            EXPECT_LE(simulation.peak_memory[rank], 2 * limit) << p << ' ' << m << ' ' << limit;
          }
        }
      }
    }
  }
}

TEST(ZeroBubbleHeuristic, WithoutMessagesTwiceTheMemoryIsEnough) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = 12;
  const Simulation one = simulate(make_zb_1p(request), costs_of(request, 4));
  const Simulation two = simulate(make_zb_2p(request), costs_of(request, 4));
  EXPECT_DOUBLE_EQ(one.cost, 36 + 3);  // (p - 1) (F + B - W)
  EXPECT_DOUBLE_EQ(two.cost, 36);
}

TEST(ZeroBubbleHeuristic, FitsUnevenStages) {
  ScheduleRequest request;
  request.num_ranks = 4;
  request.num_micro_batches = 16;
  request.stage_costs = uniform_costs(4, 1, {}, 0.1);
  request.stage_costs.times[3] = {2, 2, 1.5};
  const Simulation one = simulate(make_one_forward_one_backward(request), request.stage_costs);
  const Simulation fitted = simulate(make_zb_1p(request), request.stage_costs);
  EXPECT_LT(fitted.cost, one.cost);
  EXPECT_GE(fitted.cost, 16 * 5.5);
}

TEST(ZeroBubbleHeuristic, MemoryForLessThanOneMicroBatchIsAUserError) {
  ScheduleRequest request;
  request.memory_limit = 0.5;
  try {
    make_zb_1p(request);
    FAIL() << "made";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    EXPECT_NE(std::string(error.what()).find("memory_limit = 0.5"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace kumiko
