#include "kumiko/schedule/channels.h"

#include <algorithm>

namespace kumiko {
namespace {

using Ends = std::pair<int, int>;  // sender, receiver

Ends ends_of(const Channel& channel) { return {channel.sender, channel.receiver}; }

}  // namespace

bool Channel::holds(size_t message) const {
  return std::find(buffers.begin(), buffers.end(), message) != buffers.end();
}

size_t Channel::take() {
  const size_t message = buffers.front();
  buffers.erase(buffers.begin());
  return message;
}

Channels::Channels(const StagePlacement& placement) : num_stages_(static_cast<size_t>(placement.num_stages())) {
  const int num_stages = placement.num_stages();
  std::vector<Ends> ends;
  for (int route = 0; route < placement.num_routes(); ++route) {
    for (int stage = 1; stage < num_stages; ++stage) {
      const int before = placement.rank_of(route, stage - 1);
      const int rank = placement.rank_of(route, stage);
      if (before == rank) continue;
      ends.emplace_back(before, rank);
      ends.emplace_back(rank, before);
    }
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  for (const auto& [sender, receiver] : ends) channels_.push_back({sender, receiver, false, {}});
  for (int route = 0; route < placement.num_routes(); ++route) {
    for (int stage = 0; stage < num_stages; ++stage) {
      const int rank = placement.rank_of(route, stage);
      into_.push_back({stage > 0 ? find(placement.rank_of(route, stage - 1), rank) : no_channel,
                       stage + 1 < num_stages ? find(placement.rank_of(route, stage + 1), rank) : no_channel});
    }
  }
}

int32_t Channels::find(int sender, int receiver) const {
  if (sender == receiver) return no_channel;
  const auto found = std::lower_bound(channels_.begin(), channels_.end(), Ends(sender, receiver),
                                      [](const Channel& channel, const Ends& ends) { return ends_of(channel) < ends; });
  return static_cast<int32_t>(found - channels_.begin());
}

}  // namespace kumiko
