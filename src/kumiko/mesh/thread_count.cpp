#include "kumiko/mesh/thread_count.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "kumiko/base/text.h"

namespace kumiko {
namespace {

std::string counted(int64_t number, const char* word) {
  return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

// "1.5 CPUs", "2 CPUs"
std::string cpus_text(double cpus) { return fmt::format("{:.3g} CPU{}", cpus, cpus == 1 ? "" : "s"); }

// What there are too few of for so many threads; "" if there are enough.
std::string shortage(const ThreadFacts& facts, int64_t threads) {
  const auto of = [&](int64_t sharers) {
    return sharers == 1 ? counted(threads, "thread")
                        : fmt::format("{} ranks with {} each", sharers, counted(threads, "thread"));
  };
  if (threads * facts.sharers > facts.cores) {
    return fmt::format("{} share {}", of(facts.sharers), counted(facts.cores, "core"));
  }
  // A rank has one thread at least.
  if (facts.quota && static_cast<double>(threads * facts.quota_sharers) > std::max(1.0, *facts.quota)) {
    return fmt::format("{} share a quota of {}", of(facts.quota_sharers), cpus_text(*facts.quota));
  }
  return "";
}

}  // namespace

std::optional<int64_t> threads_of_environment(const std::string& value) {
  const std::string text(trim(split(value, ',')[0]));
  int64_t threads = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (threads < 1 || threads > 65536) return std::nullopt;
  return threads;
}

ThreadCount count_threads(const ThreadFacts& facts) {
  ThreadCount count;
  const std::optional<int64_t> asked = threads_of_environment(facts.environment);
  if (facts.option > 0) {
    count.threads = facts.option;
    count.decided_by = "parallel.num_threads";
  } else if (asked) {
    count.threads = *asked;
    count.decided_by = "OMP_NUM_THREADS";
  } else {
    count.threads = facts.threads_for_cores;
    if (facts.quota) {
      const auto share = std::max<int64_t>(
          1, static_cast<int64_t>(std::floor(*facts.quota / static_cast<double>(facts.quota_sharers) + 1e-9)));
      if (share < count.threads) {
        count.threads = share;
        count.decided_by = "a quota of " + cpus_text(*facts.quota);
      }
    }
  }
  if (const std::string shared = shortage(facts, count.threads); !shared.empty()) {
    count.warning = fmt::format("{}: they wait for each other, and steps take longer than with fewer", shared);
    if (!count.decided_by.empty()) count.warning += fmt::format(" (decided by {})", count.decided_by);
  } else if (!facts.environment.empty() && !asked && facts.option == 0) {
    count.warning =
        fmt::format("OMP_NUM_THREADS = {} is passed over: expected a number of threads, as 4", facts.environment);
  }
  return count;
}

}  // namespace kumiko
