#include "kumiko/comm/emulated_link.h"

#include <algorithm>
#include <cmath>

namespace kumiko {

int64_t EmulatedLink::occupy(int64_t& busy_until, int64_t bytes, int64_t now) const {
  if (bytes == 0 || options_.bandwidth <= 0) return now;
  const double nanoseconds = static_cast<double>(bytes) / options_.bandwidth * 1e9;
  busy_until = std::max(busy_until, now) + std::llround(nanoseconds);
  return busy_until;
}

int64_t EmulatedLink::occupy(const WireCost& cost, int64_t now) {
  const int64_t sent = occupy(sending_until_, cost.sent, now);
  const int64_t received = occupy(receiving_until_, cost.received, now);
  return std::max(sent, received) + std::llround(static_cast<double>(cost.steps) * options_.latency * 1e9);
}

Transfer::Progress HeldTransfer::advance() {
  Progress progress = Progress::none;
  if (!complete_) {
    progress = transfer_->advance();
    if (progress != Progress::finished) return progress;
    complete_ = true;
  }
  return trace_clock() >= earliest_end_ ? Progress::finished : Progress::none;
}

}  // namespace kumiko
