#include "kumiko/train/console.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "kumiko/base/log.h"
#include "kumiko/train/step_text.h"

namespace kumiko {
namespace {

constexpr const char* erase_line = "\r\033[K";
constexpr int64_t lines_between_headers = 30;

// Output that nobody takes any more (a closed pipe, a full disk) does not stop a training run.
void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

Console::Console(Terminal terminal) : terminal_(std::move(terminal)) {
  if (terminal_.interactive() && terminal_.shares_standard_error()) {
    log::set_writer([this](std::string_view line) { print(line); });
  }
}

Console::~Console() {
  if (terminal_.interactive() && terminal_.shares_standard_error()) log::set_writer({});
  if (bar_shown_) write_all(erase_line);
}

void Console::put(std::string_view lines) {
  std::string text = bar_shown_ ? erase_line : "";
  text += lines;
  bar_shown_ = terminal_.interactive() && last_.total_steps > 0;
  if (bar_shown_) text += progress_bar(last_, activity_, {terminal_.width(), terminal_.utf8(), terminal_.color()});
  write_all(text);
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
  if (!terminal_.interactive()) return put(step_line(metrics) + '\n' + step_notes(metrics));
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
