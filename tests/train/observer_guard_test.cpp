#include "kumiko/train/observer_guard.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace kumiko {
namespace {

TEST(ObserverGuard, WarnsOnceAndSaysWhatWasLost) {
  testing::internal::CaptureStderr();
  ObserverGuard guard("metrics.jsonl", "step");
  const auto fail = [] { throw std::runtime_error("no space left"); };
  EXPECT_TRUE(guard([] {}));
  EXPECT_FALSE(guard(fail));
  EXPECT_FALSE(guard(fail));
  EXPECT_TRUE(guard([] {}));
  EXPECT_TRUE(guard([] {}));
  EXPECT_FALSE(guard(fail));
  EXPECT_TRUE(guard([] {}));
  const std::string failed = "warning: metrics.jsonl: no space left; the run goes on without it, and tries again\n";
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            failed + "warning: metrics.jsonl is written again; 2 steps are missing from it\n" + failed +
                "warning: metrics.jsonl is written again; 1 step is missing from it\n");
}

TEST(ObserverGuard, SaysAtTheEndWhatIsMissing) {
  testing::internal::CaptureStderr();
  {
    ObserverGuard guard("metrics.jsonl", "step");
    for (int i = 0; i < 3; ++i) guard([] { throw std::runtime_error("gone"); });
  }
  EXPECT_TRUE(testing::internal::GetCapturedStderr().ends_with(
      "warning: metrics.jsonl failed to the end; 3 steps are missing from it\n"));
}

struct CountingSink final : MetricsSink {
  explicit CountingSink(int& written) : written_(written) {}
  void write(const StepMetrics&) override { ++written_; }
  int& written_;
};

TEST(GuardedSink, OpensLaterWhatCannotBeOpenedAtOnce) {
  testing::internal::CaptureStderr();
  int tries = 0;
  int written = 0;
  GuardedSink sink("a port", "step", [&]() -> std::unique_ptr<MetricsSink> {
    if (++tries < 3) throw std::runtime_error("in use");
    return std::make_unique<CountingSink>(written);
  });
  for (int i = 0; i < 3; ++i) sink.write({});
  EXPECT_EQ(tries, 3);
  EXPECT_EQ(written, 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "warning: a port: in use; the run goes on without it, and tries again\n"
            "warning: a port is written again; 1 step is missing from it\n");
}

}  // namespace
}  // namespace kumiko
