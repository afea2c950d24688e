// Traces as chrome://tracing and Perfetto read them: JSON of the Trace Event Format. A process is a rank; its threads
// (1, 2, 3) are computation, communication and I/O; times are microseconds of rank 0's clock since the trace began.
//
// Each rank writes a part of its own while the steps go on: an array, an event a line, that opens in the viewers by
// itself however early it ends. A whole trace is made from the parts alone.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/trace.h"
#include "kumiko/comm/clock_offset.h"

namespace kumiko {

struct TraceRank {
  int64_t rank = 0;
  std::string host;
  int64_t process_id = 0;
};

// The text of one rank's part, piece by piece.
class TracePart {
 public:
  // `origin`: rank 0's clock at the trace's zero.
  TracePart(TraceRank rank, ClockReading clock, int64_t origin)
      : rank_(std::move(rank)), clock_(clock), origin_(origin) {}

  std::string opening() const;
  // Events of a thread that overlap without one holding the other get further threads: viewers draw them on top of each
  // other otherwise. `dropped` events that are missing are said to be, at the place. Orders `taken`.
  std::string events(TraceRecorder::Taken& taken);
  // `clock`: measured again.
  std::string closing(const ClockReading& clock) const;

 private:
  // Where the events of one track are drawn side by side: when each lane is free again.
  using Lanes = std::vector<int64_t>;

  int64_t lane(TraceTrack track, const TraceEvent& event, std::string& text);
  std::string clock_line(std::string_view name, const ClockReading& clock) const;

  TraceRank rank_;
  ClockReading clock_;
  int64_t origin_;
  std::array<Lanes, num_trace_tracks> lanes_;
};

struct MergedTrace {
  int64_t ranks = 0;
  int64_t events = 0;          // spans
  int64_t dropped = 0;         // by the ranks
  int64_t uncertainty_ns = 0;  // the largest of any clock
};

// One trace from the texts of the parts, whole or cut short, handed to `write` piece by piece. The drift of each
// rank's clock is taken out where it was measured. User error if a text is not such a part.
MergedTrace merge_trace_parts(const std::vector<std::string_view>& parts,
                              const std::function<void(std::string_view)>& write);

}  // namespace kumiko
