#include "kumiko/base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <utility>

#include "kumiko/base/log_in_handler.h"
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
  write_in_handler(text);
}

void begin_in_handler(Level level) {
  const int rank = state().rank;
  if (state().size > 1) {
    std::array<char, 32> text{'[', 'r', 'a', 'n', 'k', ' '};
    size_t size = 6;
    int power = 1;
    while (rank / power >= 10) power *= 10;
    for (; power > 0; power /= 10) text[size++] = static_cast<char>('0' + rank / power % 10);
    text[size++] = ']';
    text[size++] = ' ';
    write_in_handler({text.data(), size});
  }
  write_in_handler(prefix(level));
}

void write_in_handler(std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, piece.data(), piece.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    piece.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace kumiko::log
