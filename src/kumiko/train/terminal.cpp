#include "kumiko/train/terminal.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "kumiko/base/environment.h"

namespace kumiko {
namespace {

constexpr size_t default_width = 80;

// 0 where it is not a terminal or has no size.
size_t columns_of(int descriptor) {
  struct winsize size {};
  return descriptor >= 0 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool same_device(const struct stat& a, const struct stat& b) {
  return a.st_rdev == b.st_rdev && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

// 0 where it cannot be read.
int parent_of(int process) {
  std::ifstream stream(fmt::format("/proc/{}/stat", process));
  std::string line;
  std::getline(stream, line);
  const size_t name_end = line.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos || name_end + 4 > line.size()) return 0;
  return std::atoi(line.c_str() + name_end + 4);  // ") S 123"
}

// The nearest ancestor whose standard output is another than ours: who reads our pseudo-terminal. 0: none.
int reader_of_output() {
  struct stat own {};
  if (::fstat(STDOUT_FILENO, &own) != 0) return 0;
  for (int process = ::getppid(); process > 0; process = parent_of(process)) {
    struct stat output {};
    if (::stat(fmt::format("/proc/{}/fd/1", process).c_str(), &output) != 0) return 0;
    if (!same_device(own, output)) return process;
  }
  return 0;
}

bool locale_is_utf8() {
  std::string locale = environment::get("LC_ALL");
  if (locale.empty()) locale = environment::get("LC_CTYPE");
  if (locale.empty()) locale = environment::get("LANG");
  for (const char* name : {"UTF-8", "UTF8", "utf-8", "utf8"}) {
    if (locale.find(name) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Terminal Terminal::detect() {
  Terminal terminal;
  terminal.utf8_ = locale_is_utf8();
  if (::isatty(STDOUT_FILENO) == 0 || environment::get("TERM") == "dumb") return terminal;
  terminal.screen_ = STDOUT_FILENO;
  terminal.interactive_ = true;
  terminal.shares_standard_error_ = ::isatty(STDERR_FILENO) != 0;
  const int launcher = environment::get(environment::open_mpi_rank).empty() ? 0 : reader_of_output();
  if (launcher > 0) {
    const std::string output = fmt::format("/proc/{}/fd/1", launcher);
    terminal.screen_ = ::open(output.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    terminal.owns_screen_ = terminal.screen_ >= 0;
    terminal.interactive_ = terminal.screen_ >= 0 && ::isatty(terminal.screen_) != 0;
    struct stat screen {};
    struct stat error {};
    terminal.shares_standard_error_ = ::stat(output.c_str(), &screen) == 0 &&
                                      ::stat(fmt::format("/proc/{}/fd/2", launcher).c_str(), &error) == 0 &&
                                      same_device(screen, error);
  }
  terminal.color_ = terminal.interactive_ && environment::get("NO_COLOR").empty();
  return terminal;
}

Terminal::~Terminal() {
  if (owns_screen_) ::close(screen_);
}

Terminal::Terminal(Terminal&& other) noexcept
    : interactive_(other.interactive_),
      utf8_(other.utf8_),
      color_(other.color_),
      shares_standard_error_(other.shares_standard_error_),
      screen_(other.screen_),
      owns_screen_(std::exchange(other.owns_screen_, false)) {}

size_t Terminal::width() const {
  if (const size_t columns = columns_of(screen_); columns > 0) return columns;
  const int columns = std::atoi(environment::get("COLUMNS").c_str());
  return columns > 0 ? static_cast<size_t>(columns) : default_width;
}

}  // namespace kumiko
