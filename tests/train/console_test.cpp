#include "kumiko/train/console.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "kumiko/base/log.h"
#include "kumiko/train/step_text.h"

namespace kumiko {
namespace {

// Runs `action` with standard output and error on a pseudo-terminal of `columns` columns and gives what arrived there.
std::string on_terminal(unsigned short columns, const std::function<void()>& action) {
  int master = -1;
  int slave = -1;
  struct winsize size {};
  size.ws_col = columns;
  size.ws_row = 24;
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  const int old_output = ::dup(STDOUT_FILENO);
  const int old_error = ::dup(STDERR_FILENO);
  ::dup2(slave, STDOUT_FILENO);
  ::dup2(slave, STDERR_FILENO);
  ::close(slave);
  action();
  ::dup2(old_output, STDOUT_FILENO);
  ::dup2(old_error, STDERR_FILENO);
  ::close(old_output);
  ::close(old_error);
  std::string seen;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = ::read(master, buffer.data(), buffer.size())) > 0)
    seen.append(buffer.data(), static_cast<size_t>(count));
  ::close(master);
  return seen;
}

// The lines a person sees after `output`, without trailing blanks. Knows carriage return, line feed and ESC [ K.
std::vector<std::string> screen_after(const std::string& output) {
  std::vector<std::string> lines(1);
  size_t column = 0;
  for (size_t i = 0; i < output.size(); ++i) {
    if (output.compare(i, 3, "\033[K") == 0) {
      lines.back().resize(std::min(column, lines.back().size()));
      i += 2;
    } else if (output[i] == '\r') {
      column = 0;
    } else if (output[i] == '\n') {
      lines.emplace_back();
      column = 0;
    } else {
      lines.back().resize(std::max(lines.back().size(), column + 1), ' ');
      lines.back()[column++] = output[i];
    }
  }
  return lines;
}

class ConsoleTest : public testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TERM", "xterm", 1);
    ::setenv("LC_ALL", "C", 1);
    ::setenv("NO_COLOR", "1", 1);
    ::unsetenv("OMPI_COMM_WORLD_RANK");
  }

  static StepMetrics at_step(int64_t step) {
    StepMetrics metrics;
    metrics.step = step;
    metrics.total_steps = 4;
    metrics.loss = 2.5;
    return metrics;
  }
};

TEST_F(ConsoleTest, KeepsTheBarBelowAllLines) {
  const std::string output = on_terminal(60, [] {
    Console console(Terminal::detect());
    console.print("before\n");
    console.start(0, 4);
    console.set_activity("loading");
    console.write(at_step(1));
    log::warning("from elsewhere");
    console.write(at_step(2));
    console.set_activity("evaluating");
    console.print("a table\nof two lines\n");
    console.write(at_step(3));
  });
  const std::vector<std::string> expected = {
      "before",
      step_columns_header(at_step(1), 60),
      step_columns(at_step(1), 60),
      "warning: from elsewhere",
      step_columns(at_step(2), 60),
      "a table",
      "of two lines",
      step_columns(at_step(3), 60),
      "",
  };
  EXPECT_EQ(screen_after(output), expected);
  // Before the destructor took it away, the bar was the last line.
  const std::vector<std::string> before = screen_after(output.substr(0, output.rfind("\r\033[K")));
  EXPECT_EQ(before.back(), " 75% |####################################            | 3/4");
  EXPECT_NE(output.find("| 2/4, evaluating"), std::string::npos);
  EXPECT_NE(output.find("| 0/4, loading"), std::string::npos);
}

TEST_F(ConsoleTest, FollowsTheEnvironment) {
  const auto one_step = [] {
    Console console(Terminal::detect());
    console.write(at_step(1));
  };
  EXPECT_EQ(on_terminal(60, one_step).find("\033[36m"), std::string::npos);
  ::unsetenv("NO_COLOR");
  EXPECT_NE(on_terminal(60, one_step).find("\033[36m"), std::string::npos);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  EXPECT_NE(on_terminal(60, one_step).find("█"), std::string::npos);
  ::setenv("TERM", "dumb", 1);
  EXPECT_EQ(on_terminal(60, one_step), step_line(at_step(1)) + "\r\n");  // the terminal adds \r
}

TEST_F(ConsoleTest, WritesPlainLinesElsewhere) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  {
    Console console(Terminal::detect());
    console.write(at_step(1));
    log::warning("from elsewhere");
    console.start(1, 4);
    console.set_activity("evaluating");
    console.print("a table\n");
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), step_line(at_step(1)) + "\na table\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: from elsewhere\n");
}

// Open MPI's launcher gives its children a pseudo-terminal even when its own output is a file. Here the parent of the
// test plays the launcher.
TEST_F(ConsoleTest, LooksAtTheLaunchersOutput) {
  ::setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  struct stat parent_output {};
  const bool parent_on_terminal =
      ::stat(("/proc/" + std::to_string(::getppid()) + "/fd/1").c_str(), &parent_output) == 0 &&
      S_ISCHR(parent_output.st_mode) != 0;
  bool interactive = true;
  on_terminal(60, [&interactive] { interactive = Terminal::detect().interactive(); });
  ::unsetenv("OMPI_COMM_WORLD_RANK");
  if (parent_on_terminal) GTEST_SKIP() << "the tests run on a terminal";
  EXPECT_FALSE(interactive);
}

TEST_F(ConsoleTest, GivesTheLoggerBack) {
  on_terminal(60, [] { Console console(Terminal::detect()); });
  testing::internal::CaptureStderr();
  log::warning("afterwards");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: afterwards\n");
}

TEST(Terminal, KnowsItsWidth) {
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("COLUMNS");
  EXPECT_EQ(Terminal().width(), 80u);
  ::setenv("COLUMNS", "132", 1);
  EXPECT_EQ(Terminal().width(), 132u);
  size_t width = 0;
  on_terminal(57, [&width] { width = Terminal::detect().width(); });
  EXPECT_EQ(width, 57u);
  ::unsetenv("COLUMNS");
}

}  // namespace
}  // namespace kumiko
