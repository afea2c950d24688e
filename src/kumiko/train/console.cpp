#include "kumiko/train/console.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/train/step_text.h"

namespace kumiko {
namespace {

constexpr const char* erase_line = "\r\033[K";
constexpr int64_t lines_between_headers = 30;

// 0, or why not all of it was written. Nobody waits long for a pipe that is full and does not block.
int write_all(int descriptor, std::string_view text) {
  constexpr int longest_wait = 100;  // milliseconds
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {
      pollfd writable = {descriptor, POLLOUT, 0};
      if (::poll(&writable, 1, longest_wait) > 0) continue;
      return EAGAIN;
    }
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

Console::Console(Terminal terminal) : terminal_(std::move(terminal)) {
  if (terminal_.interactive() && terminal_.shares_standard_error()) {
    // A screen that takes nothing any more leaves standard error, whatever has become of that.
    log::set_writer([this](std::string_view line) {
      const std::lock_guard lock(mutex_);
      if (!put(line)) write_all(STDERR_FILENO, line);
    });
  }
}

Console::~Console() {
  if (terminal_.interactive() && terminal_.shares_standard_error()) log::set_writer({});
  if (bar_shown_) write_all(STDOUT_FILENO, erase_line);
}

bool Console::put(std::string_view lines) {
  std::string text = bar_shown_ ? erase_line : "";
  text += lines;
  bar_shown_ = terminal_.interactive() && last_.total_steps > 0;
  if (bar_shown_) text += progress_bar(last_, activity_, {terminal_.width(), terminal_.utf8(), terminal_.color()});
  const int failure = write_all(STDOUT_FILENO, text);
  if (failure != 0) failure_ = failure;
  return failure == 0;
}

void Console::check() {
  const std::lock_guard lock(mutex_);
  const int failure = std::exchange(failure_, 0);
  if (failure != 0) throw_environment("cannot write to standard output: {}", std::strerror(failure));
}

void Console::start(int64_t step, int64_t total_steps) {
  const std::lock_guard lock(mutex_);
  last_.step = step;
  last_.total_steps = total_steps;
  put("");
}

void Console::write(const StepMetrics& metrics) {
  const std::lock_guard lock(mutex_);
  last_ = metrics;
  activity_.clear();
  if (!terminal_.interactive()) {
    put(step_line(metrics) + '\n' + step_notes(metrics));
    return;
  }
  std::string lines;
  if (lines_since_header_++ % lines_between_headers == 0) {
    const std::string header = step_columns_header(metrics, terminal_.width());
    lines = terminal_.color() ? "\033[1m" + header + "\033[0m\n" : header + '\n';
  }
  put(lines + step_columns(metrics, terminal_.width()) + '\n' + step_notes(metrics));
}

void Console::print(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  put(lines);
}

void Console::set_activity(std::string activity) {
  const std::lock_guard lock(mutex_);
  activity_ = std::move(activity);
  if (bar_shown_) put("");
}

}  // namespace kumiko
