// Clocks of different ranks, brought onto one axis. On one host they are the same clock; between hosts they are not,
// and nothing is taken for granted: the distance to rank 0's clock is measured with messages.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "kumiko/base/trace.h"
#include "kumiko/comm/communicator.h"

namespace kumiko {

// All in nanoseconds.
struct ClockReading {
  int64_t at = 0;           // of this rank's clock, when it was compared
  int64_t offset = 0;       // rank 0's clock minus this rank's
  int64_t uncertainty = 0;  // the true offset lies within +- this: half the shortest round trip
};

// Collective over `all`: each of `ranks` (coordinates in `all`, the same on every rank; 0 may be among them) exchanges
// `rounds` messages with rank 0, one rank after the other, and believes the fastest (F. Cristian, Probabilistic clock
// synchronization, 1989): rank 0 read its clock within that round trip. A rank that is not among them gets zeros.
// `clock` is for tests.
ClockReading measure_clock(Communicator& all, std::span<const int64_t> ranks, MemoryPool& pool, int rounds = 20,
                           const std::function<int64_t()>& clock = trace_clock);

// This rank's clock against rank 0's over a stretch of time: as measured at its beginning and, for the drift, its end.
struct ClockFit {
  ClockReading begin;
  std::optional<ClockReading> end;

  // This rank's time as rank 0's clock would have shown it: the offset between the readings is interpolated, and
  // beyond them it stays. Never goes backwards.
  int64_t to_rank_0(int64_t time) const;
  // Nanoseconds a second that this rank's clock loses; 0 without an end.
  double drift() const;
};

}  // namespace kumiko
