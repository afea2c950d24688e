#include "kumiko/comm/checked_transfer.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// `ranks`: the communicator's in the world; `rank` and `other_rank` are of the communicator.
void compare(const std::vector<int>& ranks, const Signature& own, int rank, const Signature& other, int other_rank) {
  const int here = ranks[static_cast<size_t>(rank)];
  const int there = ranks[static_cast<size_t>(other_rank)];
  if (!own.matches(here, other, there)) throw_internal("{}", mismatch_text(here, own, there, other));
}

}  // namespace

Steps compare_signatures(Signature own, Exchange& exchange, const std::vector<int>& ranks, int peer) {
  const int size = exchange.size();
  const int rank = exchange.rank();
  Signature other;
  if (own.verb == Verb::send) {
    exchange.send(&own, sizeof own, peer);
    co_yield Delivered{};
  } else if (own.verb == Verb::receive) {
    exchange.receive(&other, sizeof other, peer);
    co_yield Delivered{};
    compare(ranks, own, rank, other, peer);
  } else {
    for (int distance = 1; distance < size; distance *= 2) {
      const int before = (rank - distance + size) % size;
      exchange.receive(&other, sizeof other, before);
      exchange.send(&own, sizeof own, (rank + distance) % size);
      co_yield Delivered{};
      compare(ranks, own, rank, other, before);
    }
  }
}

CheckedTransfer::CheckedTransfer(const Operation& operation, std::unique_ptr<Exchange> exchange,
                                 const std::vector<int>& ranks, std::function<std::unique_ptr<Transfer>()> begin)
    : at_once_(operation.point_to_point()),
      exchange_(std::move(exchange)),
      comparison_(compare_signatures(Signature::of(operation, ranks), *exchange_, ranks, operation.peer)),
      begin_(std::move(begin)) {}

Transfer::Progress CheckedTransfer::advance_comparison() {
  Progress progress = Progress::none;
  while (!comparison_.finished() && exchange_->complete()) {
    comparison_.resume();
    progress = Progress::some;
  }
  return progress;
}

Transfer::Progress CheckedTransfer::advance_transfer() {
  if (!transfer_) transfer_ = begin_();
  try {
    const Progress progress = transfer_->advance();
    complete_ = progress == Progress::finished;
    return std::min(progress, Progress::some);
  } catch (...) {
    advance_comparison();  // may know the reason of what the network found wrong
    throw;
  }
}

Transfer::Progress CheckedTransfer::advance() {
  Progress progress = advance_comparison();
  if (!at_once_ && !comparison_.finished()) return progress;
  if (!complete_) progress = std::max(progress, advance_transfer());
  return complete_ && comparison_.finished() ? Progress::finished : progress;
}

}  // namespace kumiko
