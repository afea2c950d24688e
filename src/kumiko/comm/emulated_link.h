// A network slower than the real one: operations complete no earlier than they would have on a rank's emulated link.
// Nothing is computed meanwhile and no message is delayed: only the completion is held back, while the communication
// thread sleeps. A rank that came early hides its link's time behind its wait for the others; the last one to come, for
// whom all then wait, does not, so the pace of the whole is that of the link.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "kumiko/base/trace.h"
#include "kumiko/comm/options.h"
#include "kumiko/comm/queue.h"
#include "kumiko/comm/wire_cost.h"

namespace kumiko {

// One link of a rank, in each direction, shared by all of its operations: what one sends or receives waits for what was
// begun before it. Latencies overlap. Used on the communication thread only.
class EmulatedLink {
 public:
  explicit EmulatedLink(LinkOptions options) : options_(options) {}

  bool emulated() const { return options_.emulated(); }
  // The earliest end, on the clock of `now` (nanoseconds), of an operation that starts now.
  int64_t occupy(const WireCost& cost, int64_t now);

 private:
  int64_t occupy(int64_t& busy_until, int64_t bytes, int64_t now) const;

  LinkOptions options_;
  int64_t sending_until_ = 0;
  int64_t receiving_until_ = 0;
};

// A transfer that ends at the later of its own end and `earliest_end` (of trace_clock()).
class HeldTransfer final : public Transfer {
 public:
  HeldTransfer(std::unique_ptr<Transfer> transfer, int64_t earliest_end)
      : transfer_(std::move(transfer)), earliest_end_(earliest_end) {}

  Progress advance() override;
  int64_t wakes_at() const override { return complete_ ? earliest_end_ : 0; }

 private:
  std::unique_ptr<Transfer> transfer_;
  int64_t earliest_end_;
  bool complete_ = false;
};

}  // namespace kumiko
