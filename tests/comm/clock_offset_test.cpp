#include "kumiko/comm/clock_offset.h"

#include <gtest/gtest.h>

#include <numeric>

#include "support/world.h"

namespace kumiko {
namespace {

constexpr int64_t second = 1'000'000'000;

std::vector<int64_t> everyone_but(int64_t left_out) {
  std::vector<int64_t> ranks;
  for (int64_t rank = 0; rank < test::world().size(); ++rank) {
    if (rank != left_out) ranks.push_back(rank);
  }
  return ranks;
}

TEST(MeasureClock, FindsClocksThatAreSetWrongly) {
  const auto all = test::everyone();
  const int64_t rank = all->rank();
  const auto clock = [rank] { return trace_clock() + rank * 3 * second; };
  const ClockReading reading = measure_clock(*all, everyone_but(-1), test::pool(), 20, clock);
  // The ranks of this test share a host, whose clock is one.
  EXPECT_NEAR(static_cast<double>(reading.offset), static_cast<double>(-rank * 3 * second),
              static_cast<double>(reading.uncertainty));
  EXPECT_GE(reading.at, rank * 3 * second);
  if (rank == 0) {
    EXPECT_EQ(reading.offset, 0);
    EXPECT_EQ(reading.uncertainty, 0);
  } else {
    EXPECT_GT(reading.uncertainty, 0);
    EXPECT_LT(reading.uncertainty, second);
  }
}

TEST(MeasureClock, AsksOnlyTheRanksThatAreNamed) {
  const auto all = test::everyone();
  const int64_t last = all->size() - 1;
  const ClockReading reading = measure_clock(*all, everyone_but(last), test::pool(), 2);
  EXPECT_EQ(reading.at == 0, all->rank() == last);
}

TEST(ClockFit, TakesTheDriftBetweenTwoReadings) {
  // A clock that runs 1 ms a second too slow.
  const ClockFit fit{{.at = 100 * second, .offset = 5 * second, .uncertainty = 10},
                     ClockReading{.at = 110 * second, .offset = 5 * second + 10'000'000, .uncertainty = 10}};
  EXPECT_DOUBLE_EQ(fit.drift(), 1e6);
  EXPECT_EQ(fit.to_rank_0(100 * second), 105 * second);
  EXPECT_EQ(fit.to_rank_0(105 * second), 110 * second + 5'000'000);
  EXPECT_EQ(fit.to_rank_0(110 * second), 115 * second + 10'000'000);
  EXPECT_EQ(fit.to_rank_0(99 * second), 104 * second);  // outside the readings, the nearest holds
  EXPECT_EQ(fit.to_rank_0(120 * second), 125 * second + 10'000'000);
}

TEST(ClockFit, WithoutAnEndKeepsTheFirstReading) {
  const ClockFit fit{{.at = 100, .offset = -30, .uncertainty = 1}, std::nullopt};
  EXPECT_EQ(fit.to_rank_0(500), 470);
  EXPECT_EQ(fit.drift(), 0);
}

// Every operation is an event while a recorder is there, on any number of ranks.
TEST(RecordTo, TellsOfEachOperation) {
  const auto all = test::everyone();
  const auto recorder = std::make_shared<TraceRecorder>(100);
  const Tensor tensor = Tensor::empty(test::pool(), {8}, DType::f32, MemoryPurpose::communication);
  std::fill_n(tensor.data<float>(), 8, 1.0f);
  all->all_reduce(tensor, ReduceOp::sum, "before").wait();
  test::world().record_to(recorder);
  recorder->set_step(4);
  recorder->set_micro_batch(1);
  const int64_t begin = trace_clock();
  all->all_reduce(tensor, ReduceOp::sum, "gradients").wait();
  all->broadcast(tensor, 0, "weights").wait();
  const int64_t end = trace_clock();
  test::world().record_to(nullptr);
  all->all_reduce(tensor, ReduceOp::sum, "after").wait();
  const std::vector<TraceEvent> events = recorder->take().events;
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].name, "all_reduce");
  EXPECT_EQ(events[0].category, "gradients");
  EXPECT_EQ(events[1].name, "broadcast");
  EXPECT_EQ(events[1].peer, 0);
  for (const TraceEvent& event : events) {
    EXPECT_EQ(event.track, TraceTrack::communication);
    EXPECT_EQ(event.axis, "data");
    EXPECT_EQ(event.bytes, 32);
    EXPECT_EQ(event.step, 4);
    EXPECT_EQ(event.micro_batch, 1);
    EXPECT_LE(begin, event.enqueued);
    EXPECT_LE(event.enqueued, event.begin);
    EXPECT_LE(event.begin, event.end);
    EXPECT_LE(event.end, end);
  }
  EXPECT_EQ(events[0].sequence, 2);
  EXPECT_EQ(events[1].sequence, 3);
}

}  // namespace
}  // namespace kumiko
