// What communication costs here: time and bandwidth of each verb by size, and how much of it arithmetic hides.
#pragma once

#include <cstdint>
#include <vector>

#include "kumiko/comm/communicator.h"

namespace kumiko {

struct CommBenchmarkOptions {
  int64_t min_bytes = 8;
  int64_t max_bytes = 64 << 20;
  int64_t factor = 8;  // between one size and the next
  int64_t overlap_bytes = 40 << 20;
  int repetitions = 7;  // of each measurement; the median counts

  // User error, naming the option.
  void validate() const;
};

struct CommTiming {
  Verb verb;  // send stands for one way of a message between ranks 0 and 1
  int64_t bytes = 0;
  double seconds = 0;
  // Bytes that cross each rank's link for one byte of tensor, so that figures of all verbs compare with the link:
  // all_reduce 2 (p-1)/p, reduce_scatter and all_gather (p-1)/p (bytes are those of the larger tensor), send 1.
  double bus_factor = 0;

  double bus_bytes_per_second() const { return static_cast<double>(bytes) * bus_factor / seconds; }
};

// One all_reduce, alone and beside arithmetic that takes about as long, on one thread of every rank.
struct OverlapTiming {
  int64_t bytes = 0;
  double communication = 0;  // seconds of the all_reduce alone
  double arithmetic = 0;     // seconds of the arithmetic alone
  double both = 0;           // from enqueuing the all_reduce, through the arithmetic, to its completion
  // Processor seconds of this rank's communication thread for it, alone and beside the arithmetic. Within one host
  // messages are copied by processors, so this much cannot be hidden on cores that are all busy.
  double processor_alone = 0;
  double processor_beside = 0;

  // 1: both took no longer than the longer of the two; 0: as long as one after the other.
  double hidden() const;
};

// Collective over all ranks; at least two. The figures of rank 0, which the ranks agree on to a barrier.
std::vector<CommTiming> benchmark_verbs(World& world, MemoryPool& pool, const CommBenchmarkOptions& options);
OverlapTiming benchmark_overlap(World& world, MemoryPool& pool, const CommBenchmarkOptions& options);

}  // namespace kumiko
