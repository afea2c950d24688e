// What a rank tells about itself when others ask where it is: plain bytes that travel.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kumiko/comm/signature.h"

namespace kumiko {

struct TimedOperation {
  Signature operation;
  double seconds = 0;  // since it began; of a complete one, since it ended
};

// One communicator of the rank.
struct ChannelStatus {
  uint64_t channel = 0;                   // the same number on all of its ranks
  int64_t collectives = 0;                // complete so far
  int32_t num_complete = 0;               // 0 or 1: whether any operation is complete
  int32_t num_running = 0;                // how many of `running` are filled in
  TimedOperation complete;                // the latest
  std::array<TimedOperation, 4> running;  // begun and not complete, the longest first; more are left out
};

struct RankStatus {
  int64_t step = 0;          // 0: not in a step
  double place_seconds = 0;  // since the main thread has been at `place`
  std::array<char, 48> place{};
  int32_t waiting = 0;                    // whether the program waits for an operation
  int32_t long_activity = 0;              // whether the main thread does what may take long
  int32_t num_channels = 0;               // how many of `channels` are filled in
  std::array<ChannelStatus, 8> channels;  // those with running operations first, then the latest; more are left out

  // nullptr: the rank has done nothing on it.
  const ChannelStatus* find(uint64_t channel) const;
  // "step 3, forward: mlp for 2.1 s; data axis: all_reduce 16 (loss) of 2 f64 by sum complete for 2.1 s; ..."
  std::string to_string() const;

  // As a message: without the channels that are not filled in.
  std::span<const std::byte> bytes() const;
  // Internal error if that is no status.
  static RankStatus from_bytes(std::span<const std::byte> bytes);
};

}  // namespace kumiko
