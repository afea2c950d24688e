// Checking mode: before an operation begins, its ranks compare what each of them calls. Costs log2(p) small messages a
// collective and one a message, and finds a program whose ranks disagree where they do, instead of by wrong sums or a
// hang.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "kumiko/comm/exchange.h"
#include "kumiko/comm/queue.h"
#include "kumiko/comm/signature.h"
#include "kumiko/comm/steps.h"

namespace kumiko {

// Ends when this rank's `own` is known to match that of every other rank that takes part: of a collective all ranks, by
// a barrier whose messages carry signatures (after step k a rank knows of the 2^k before it that they match); of a
// message the sender, whose receiver compares. Internal error on the rank that finds another. `ranks`: in the world.
Steps compare_signatures(Signature own, Exchange& exchange, const std::vector<int>& ranks, int peer);

class CheckedTransfer final : public Transfer {
 public:
  // `exchange`: for the signatures alone. `begin` makes the transfer itself: of a collective once they match; of a
  // message at once, since messages between two ranks must keep their order.
  CheckedTransfer(const Operation& operation, std::unique_ptr<Exchange> exchange, const std::vector<int>& ranks,
                  std::function<std::unique_ptr<Transfer>()> begin);

  Progress advance() override;

 private:
  Progress advance_comparison();
  Progress advance_transfer();

  const bool at_once_;
  std::unique_ptr<Exchange> exchange_;
  Steps comparison_;
  std::function<std::unique_ptr<Transfer>()> begin_;
  std::unique_ptr<Transfer> transfer_;  // none: not begun
  bool complete_ = false;               // the transfer itself
};

}  // namespace kumiko
