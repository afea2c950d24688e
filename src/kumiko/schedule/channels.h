// The ways that messages take between ranks, each with its buffers; a part of verify().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "kumiko/schedule/stage_placement.h"

namespace kumiko {

// Messages from one rank to another.
struct Channel {
  int32_t sender = 0;
  int32_t receiver = 0;
  bool sender_waits = false;
  std::vector<size_t> buffers;  // that are taken up, by which message, in the order of sending

  bool holds(size_t message) const;
  // The message that was put first; frees its buffer.
  size_t take();
};

inline constexpr int32_t no_channel = -1;

// The channels between ranks that hold neighbouring stages.
class Channels {
 public:
  explicit Channels(const StagePlacement& placement);

  // By which a stage gets its activations, or its gradients; no_channel if they are made on its rank or nowhere.
  int32_t into(int route, int stage, bool gradient) const {
    return into_[static_cast<size_t>(route) * num_stages_ + static_cast<size_t>(stage)][gradient ? 1 : 0];
  }
  Channel& operator[](int32_t channel) { return channels_[static_cast<size_t>(channel)]; }
  const Channel& operator[](int32_t channel) const { return channels_[static_cast<size_t>(channel)]; }

 private:
  int32_t find(int sender, int receiver) const;

  size_t num_stages_;
  std::vector<Channel> channels_;             // ascending by sender and receiver
  std::vector<std::array<int32_t, 2>> into_;  // [route][stage]
};

}  // namespace kumiko
