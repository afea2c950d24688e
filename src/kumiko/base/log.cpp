#include "kumiko/base/log.h"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include "kumiko/base/text.h"

namespace kumiko::log {
namespace {

struct State {
  std::atomic<int> rank{0};
  std::atomic<int> size{1};
  std::atomic<Level> level{Level::info};
  std::mutex writer_mutex;
  std::function<void(std::string_view)> writer;
};

State& state() {
  static State instance;
  return instance;
}

const char* prefix(Level level) {
  switch (level) {
    case Level::debug:
      return "debug: ";
    case Level::info:
      return "";
    case Level::warning:
      return "warning: ";
    case Level::error:
      break;
  }
  return "error: ";
}

}  // namespace

void set_rank(int rank, int size) {
  state().rank = rank;
  state().size = size;
}

void set_level(Level level) { state().level = level; }

void set_writer(std::function<void(std::string_view)> writer) {
  const std::lock_guard lock(state().writer_mutex);
  state().writer = std::move(writer);
}

void write(Level level, std::string_view line) {
  if (level < state().level) return;
  std::string text;
  if (state().size > 1) text = fmt::format("[rank {}] ", state().rank.load());
  text += prefix(level);
  text += printable(line);
  text += '\n';
  {
    const std::lock_guard lock(state().writer_mutex);
    if (state().writer) return state().writer(text);
  }
  // One write call, so that lines of several processes on one terminal do not mix.
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (written <= 0) return;
    rest.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace kumiko::log
