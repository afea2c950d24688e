// An algorithm in flight: its steps, and the messages that it waits for.
#pragma once

#include <memory>
#include <utility>

#include "kumiko/comm/algorithms.h"
#include "kumiko/comm/queue.h"

namespace kumiko {

class SteppedTransfer final : public Transfer {
 public:
  SteppedTransfer(const Operation& operation, std::unique_ptr<Exchange> exchange, MemoryPool& pool,
                  const AlgorithmOptions& options)
      : exchange_(std::move(exchange)), steps_(run_collective(operation, *exchange_, pool, options)) {}

  Progress advance() override {
    Progress progress = Progress::none;
    while (exchange_->complete()) {
      if (steps_.finished()) return Progress::finished;
      steps_.resume();
      progress = Progress::some;
    }
    return progress;
  }

 private:
  std::unique_ptr<Exchange> exchange_;
  Steps steps_;
};

}  // namespace kumiko
