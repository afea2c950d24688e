#include "kumiko/train/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

TEST(StopSignals, TheFirstOneIsAWish) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const StopSignals stop(StopSignals::Answer::line);
    EXPECT_EQ(stop.received(), 0);
    testing::internal::CaptureStderr();
    ::raise(signal);
    ::raise(signal);  // a launcher's copy of the same wish
    EXPECT_EQ(stop.received(), signal);
    EXPECT_EQ(testing::internal::GetCapturedStderr(),
              std::string(signal == SIGINT ? "interrupted" : "asked to terminate") +
                  ": saving and stopping after this step; once more to stop at once without saving\n");
  }
}

TEST(StopSignals, TheUserSignalNeverEndsTheProcess) {
  const StopSignals stop(StopSignals::Answer::none);
  ::raise(SIGUSR1);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  ::raise(SIGUSR1);
  EXPECT_EQ(stop.received(), SIGUSR1);
}

TEST(StopSignals, ASecondOneEndsTheProcess) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto twice = [] {
    const StopSignals stop(StopSignals::Answer::line);
    ::raise(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    ::raise(SIGINT);
    ::_exit(0);
  };
  EXPECT_EXIT(twice(), testing::ExitedWithCode(128 + SIGINT), "stopping at once, without saving");
}

TEST(StopSignals, GoBackToWhatTheyDid) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto afterwards = [] {
    { const StopSignals stop(StopSignals::Answer::none); }
    ::raise(SIGTERM);
  };
  EXPECT_EXIT(afterwards(), testing::KilledBySignal(SIGTERM), "");
}

TEST(StopSignals, ThereIsOnlyOne) {
  const StopSignals stop(StopSignals::Answer::none);
  EXPECT_THROW(StopSignals(StopSignals::Answer::none), Error);
}

}  // namespace
}  // namespace kumiko
