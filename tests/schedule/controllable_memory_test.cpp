#include <gtest/gtest.h>

#include <algorithm>

#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/simulate.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

using Make = Schedule (*)(const ScheduleRequest&);

ScheduleRequest request_of(int p, int m, const StageTimes& times = {}) {
  ScheduleRequest request;
  request.num_ranks = p;
  request.num_micro_batches = m;
  request.times = times;
  return request;
}

struct Measured {
  double bubble = 0;
  double activations = 0;  // of the fullest rank
};

Measured measure(Make make, const ScheduleRequest& request) {
  const Schedule schedule = make(request);
  const std::vector<double> held = verify(schedule).peak_activations;
  const Simulation simulation = simulate(schedule, costs_of(request, schedule.num_stages()));
  return {simulation.cost - request.num_micro_batches * request.times.total(),
          *std::max_element(held.begin(), held.end())};
}

TEST(ControllableMemory, ZeroBubbleVHasNoBubbleAndTheMemoryOfOneForwardOneBackward) {
  for (int p = 1; p <= 16; ++p) {
    for (const int m : {2 * p - 1, 2 * p, 5 * p + 1}) {
      const Measured measured = measure(make_zb_v, request_of(p, m));
      EXPECT_NEAR(measured.bubble, 0, 1e-9) << p << ' ' << m;
      EXPECT_EQ(measured.activations, p);
    }
  }
}

// Of 1F1B's p and (p - 1) (F + B + W).
TEST(ControllableMemory, VHalfHasHalfOfActivationsAndBubble) {
  for (int p = 2; p <= 24; ++p) {
    const Measured measured = measure(make_v_half, request_of(p, 6 * p));
    EXPECT_EQ(measured.activations, p / 2 + 1) << p;
    EXPECT_LE(measured.bubble, 0.56 * 3 * (p - 1)) << p;
  }
  EXPECT_DOUBLE_EQ(measure(make_v_half, request_of(8, 64)).bubble, 0.5 * 3 * 7);
}

TEST(ControllableMemory, VMinHasAThirdOfActivationsAndTwoThirdsOfTheBubble) {
  for (int p = 2; p <= 24; ++p) {
    const Measured measured = measure(make_v_min, request_of(p, 6 * p));
    EXPECT_EQ(measured.activations, (p + 4) / 3) << p;
    EXPECT_LE(measured.bubble, 0.75 * 3 * (p - 1)) << p;
  }
  EXPECT_LE(measure(make_v_min, request_of(8, 64)).bubble, 2.0 / 3 * 3 * 7);
}

TEST(ControllableMemory, AnyNumberOfMicroBatchesAndAnyTimes) {
  for (const Make make : {make_zb_v, make_v_half, make_v_min}) {
    for (const int p : {1, 2, 3, 4, 7}) {
      for (int m = 1; m <= 15; ++m) {
        for (const StageTimes& times : {StageTimes{}, StageTimes{1, 1.3, 0.6}, StageTimes{1, 0.8, 1.7}}) {
          const Measured measured = measure(make, request_of(p, m, times));
          EXPECT_GE(measured.bubble, -1e-9);
          EXPECT_LE(measured.activations, p);
        }
      }
    }
  }
}

// W goes where the times leave gaps, not where equal times would.
TEST(ControllableMemory, FitsTimes) {
  const StageTimes times{18.5, 18, 9.3};
  EXPECT_LE(measure(make_zb_v, request_of(8, 32, times)).bubble, 0.19 * 7 * times.total());
}

}  // namespace
}  // namespace kumiko
