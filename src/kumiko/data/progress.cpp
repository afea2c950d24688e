#include "kumiko/data/progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "kumiko/base/clock.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"

namespace kumiko {

std::string progress_text(int64_t done_bytes, int64_t total_bytes, double seconds) {
  const auto done = static_cast<double>(done_bytes);
  const auto total = static_cast<double>(total_bytes);
  if (total_bytes == 0 && done_bytes > 0) {
    return seconds > 0 ? fmt::format("{}, {}/s", human_bytes(done), human_bytes(done / seconds)) : human_bytes(done);
  }
  std::string text =
      fmt::format("{} of {} ({:.0f} %)", human_bytes(done), human_bytes(total), total > 0 ? 100 * done / total : 100.0);
  if (done_bytes > 0 && seconds > 0) {
    text += fmt::format(", {}/s, {} left", human_bytes(done / seconds), human_seconds(seconds * (total - done) / done));
  }
  return text;
}

Progress::Progress(std::string what, int64_t total_bytes)
    : what_(std::move(what)),
      total_bytes_(total_bytes),
      terminal_(::isatty(STDERR_FILENO) != 0),
      start_(seconds_now()),
      next_(start_ + (terminal_ ? 0.2 : 10)) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\r\033[K");
}

void Progress::update(int64_t done_bytes) {
  const double now = seconds_now();
  if (now < next_) return;
  const std::string text = progress_text(done_bytes, total_bytes_, now - start_);
  if (terminal_) {
    fmt::print(stderr, "\r{}: {}\033[K", what_, text);
    std::fflush(stderr);
    drawn_ = true;
  } else {
    log::info("{}: {}", what_, text);
  }
  next_ = now + (terminal_ ? 0.2 : 10);
}

}  // namespace kumiko
