// The logger: the one global. Lines go to standard error; with several ranks each line says which rank spoke.
#pragma once

#include <fmt/core.h>

#include <functional>
#include <string_view>
#include <utility>

namespace kumiko::log {

enum class Level { debug, info, warning, error };

// Called once when the rank is known. With size 1 lines carry no rank.
void set_rank(int rank, int size);
void set_level(Level level);

// From now on `writer` receives each finished line (its line break included), in place of standard error: a progress
// bar steps aside for it. Called by one thread at a time; must not log. None: standard error again.
void set_writer(std::function<void(std::string_view line)> writer);

// Writes one whole line, its control characters made visible; safe from several threads.
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace kumiko::log
