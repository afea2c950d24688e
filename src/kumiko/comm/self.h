// One rank alone: every operation is complete when it returns, and still counted.
#pragma once

#include <memory>

#include "kumiko/comm/traffic.h"
#include "kumiko/comm/verbs.h"

namespace kumiko {

// Also the communicator of an axis of size 1 in a larger world.
class SelfCommunicator final : public OperationCommunicator {
 public:
  SelfCommunicator(Axis axis, std::shared_ptr<TrafficLedger> ledger)
      : OperationCommunicator(axis, 0, 1), ledger_(std::move(ledger)) {}

 protected:
  Event submit(Operation operation) override;

 private:
  std::shared_ptr<TrafficLedger> ledger_;
};

std::unique_ptr<World> connect_self_world();

}  // namespace kumiko
