#include "kumiko/comm/rank_status.h"

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

static_assert(std::is_trivially_copyable_v<RankStatus>);

size_t bytes_with(int32_t num_channels) {
  return offsetof(RankStatus, channels) + static_cast<size_t>(num_channels) * sizeof(ChannelStatus);
}

}  // namespace

const ChannelStatus* RankStatus::find(uint64_t channel) const {
  for (const ChannelStatus& status : std::span(channels).first(static_cast<size_t>(num_channels))) {
    if (status.channel == channel) return &status;
  }
  return nullptr;
}

std::string RankStatus::to_string() const {
  std::string text = step > 0 ? fmt::format("step {}", step) : "outside a step";
  if (place[0] != '\0') text += fmt::format(", {} for {:.1f} s", place.data(), place_seconds);
  for (const ChannelStatus& status : std::span(channels).first(static_cast<size_t>(num_channels))) {
    for (const TimedOperation& running : std::span(status.running).first(static_cast<size_t>(status.num_running))) {
      text += fmt::format("; in {} for {:.1f} s", running.operation.to_string(), running.seconds);
    }
    if (status.num_complete > 0) {
      text +=
          fmt::format("; {} completed {:.1f} s ago", status.complete.operation.to_string(), status.complete.seconds);
    }
  }
  return text;
}

std::span<const std::byte> RankStatus::bytes() const {
  return std::as_bytes(std::span(this, 1)).first(bytes_with(num_channels));
}

RankStatus RankStatus::from_bytes(std::span<const std::byte> bytes) {
  RankStatus status;
  if (bytes.size() >= bytes_with(0) && bytes.size() <= sizeof status) {
    std::memcpy(static_cast<void*>(&status), bytes.data(), bytes.size());
    if (bytes.size() == bytes_with(status.num_channels)) return status;
  }
  throw_internal("{} bytes are not the status of a rank", bytes.size());
}

}  // namespace kumiko
