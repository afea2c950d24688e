#include "kumiko/train/signals.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
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
                  ": stopping before the first step; once more to stop at once without saving\n");
  }
}

TEST(StopSignals, PromiseWhatWillBe) {
  StopSignals stop(StopSignals::Answer::none);
  stop.change(StopSignals::Answer::line, StopSignals::in_training);
  testing::internal::CaptureStderr();
  ::raise(SIGHUP);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "the terminal is closed: saving and stopping after this step\n");
}

TEST(StopSignals, OfOthersThanAPersonNeverEndTheProcess) {
  for (const int signal : {SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU}) {
    const StopSignals stop(StopSignals::Answer::none);
    ::raise(signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    ::raise(signal);
    EXPECT_EQ(stop.received(), signal);
  }
}

TEST(StopSignals, LeaveWritesThatNobodyTakesToTheWriter) {
  const StopSignals stop(StopSignals::Answer::none);
  ::raise(SIGPIPE);
  ::raise(SIGXFSZ);
  EXPECT_EQ(stop.received(), 0);
}

TEST(StopSignals, HearNothingOfATerminalUnderNohup) {
  ::signal(SIGHUP, SIG_IGN);
  {
    const StopSignals stop(StopSignals::Answer::none);
    ::raise(SIGHUP);
    EXPECT_EQ(stop.received(), 0);
  }
  ::signal(SIGHUP, SIG_DFL);
}

// The status of a child process that runs `body`, as waitpid gives it. No death test: GoogleTest's look for text with
// regcomp, which Oniguruma, linked into this program, defines too, and differently.
template <class Body>
int status_of_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(StopSignals, ASecondOneEndsTheProcess) {
  const int status = status_of_child([] {
    const StopSignals stop(StopSignals::Answer::line);
    ::raise(SIGTERM);
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    ::raise(SIGINT);
  });
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
}

TEST(StopSignals, GoBackToWhatTheyDid) {
  const int status = status_of_child([] {
    { const StopSignals stop(StopSignals::Answer::none); }
    ::raise(SIGTERM);
  });
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(StopSignals, ThereIsOnlyOne) {
  const StopSignals stop(StopSignals::Answer::none);
  EXPECT_THROW(const StopSignals second(StopSignals::Answer::none), Error);
}

}  // namespace
}  // namespace kumiko
