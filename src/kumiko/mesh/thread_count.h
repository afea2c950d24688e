// How many threads a rank computes with: one rule, as a pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace kumiko {

struct ThreadFacts {
  int64_t option = 0;       // parallel.num_threads; 0: not given
  std::string environment;  // OMP_NUM_THREADS; "": not set
  int64_t cores = 1;        // that this rank may use with `sharers` ranks, itself among them
  int64_t sharers = 1;
  int64_t threads_for_cores = 1;  // a rank's threads where nothing else decides (mesh/placement.h)
  std::optional<double> quota;    // processors' worth of time that `quota_sharers` ranks have together
  int64_t quota_sharers = 1;
};

struct ThreadCount {
  int64_t threads = 1;
  std::string decided_by;  // "" where the cores did; "OMP_NUM_THREADS", "a quota of 1.5 CPUs", "parallel.num_threads"
  std::string warning;     // "" or a sentence: more threads than cores, or a variable that is no number
};

// The option if it is given, else OMP_NUM_THREADS if it is a number, else as many threads as the rank has cores, but no
// more than its share of the quota.
ThreadCount count_threads(const ThreadFacts& facts);

// The number of threads that OMP_NUM_THREADS asks for: of "4,2" the first. None if it is not set or no number from 1 to
// 65536.
std::optional<int64_t> threads_of_environment(const std::string& value);

}  // namespace kumiko
