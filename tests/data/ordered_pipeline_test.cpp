#include "kumiko/data/ordered_pipeline.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>

namespace kumiko {
namespace {

using Pipeline = OrderedPipeline<int, int>;

Pipeline::Source count_to(int end) {
  return [next = 0, end]() mutable { return next < end ? std::optional(next++) : std::nullopt; };
}

Pipeline::Work square() {
  return [](int task) {
    // Early tasks take longest, so that later ones overtake them.
    std::this_thread::sleep_for(std::chrono::microseconds(task % 7 == 0 ? 300 : 1));
    return task * task;
  };
}

TEST(OrderedPipeline, KeepsTheOrder) {
  for (const int threads : {1, 4}) {
    int expected = 0;
    Pipeline::run(threads, 5, count_to(200), square, [&](int result) {
      EXPECT_EQ(result, expected * expected);
      ++expected;
    });
    EXPECT_EQ(expected, 200);
  }
}

TEST(OrderedPipeline, BoundsWhatIsInFlight) {
  std::atomic<int> taken{0};
  int received = 0;
  const auto source = [&]() -> std::optional<int> {
    if (taken == 100) return std::nullopt;
    return ++taken;
  };
  Pipeline::run(4, 6, source, square, [&](int) {
    // The result in hand no longer counts.
    EXPECT_LE(taken - received, 7);
    ++received;
  });
  EXPECT_EQ(received, 100);
}

std::string error_of(const Pipeline::Source& source, const Pipeline::MakeWork& work, const Pipeline::Sink& sink) {
  try {
    Pipeline::run(4, 8, source, work, sink);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(OrderedPipeline, TheFirstErrorInTheOrderOfTasksWins) {
  const auto fails = [] {
    return [](int task) {
      if (task == 20) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (task >= 20) throw std::runtime_error("task " + std::to_string(task));
      return task;
    };
  };
  int received = 0;
  EXPECT_EQ(error_of(count_to(100), fails, [&](int) { ++received; }), "task 20");
  EXPECT_EQ(received, 20);
}

TEST(OrderedPipeline, RethrowsErrorsOfSourceSinkAndWorkers) {
  const auto ignore = [](int) {};
  int next = 0;
  const auto broken_source = [&]() -> std::optional<int> {
    if (next == 10) throw std::runtime_error("source");
    return next++;
  };
  EXPECT_EQ(error_of(broken_source, square, ignore), "source");
  EXPECT_EQ(error_of(count_to(100), square, [](int) { throw std::runtime_error("sink"); }), "sink");
  EXPECT_EQ(error_of(
                count_to(100), []() -> Pipeline::Work { throw std::runtime_error("worker"); }, ignore),
            "worker");
}

}  // namespace
}  // namespace kumiko
