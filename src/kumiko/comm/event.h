// The state behind an Event: set once by the communication thread, waited for by any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>

#include "kumiko/comm/communicator.h"
#include "kumiko/comm/traffic.h"

namespace kumiko {

struct Event::State {
  State(std::shared_ptr<TrafficLedger> traffic, TrafficLedger::Row traffic_row,
        std::shared_ptr<std::atomic<int>> waiting)
      : ledger(std::move(traffic)), row(traffic_row), waiters(std::move(waiting)) {}

  // Completes the operation, `seconds` after it started.
  void finish(double seconds, std::exception_ptr failure = nullptr);

  const std::shared_ptr<TrafficLedger> ledger;
  const TrafficLedger::Row row;
  // How many threads wait for any event of the same queue: while one does, a core is free for the communication thread.
  const std::shared_ptr<std::atomic<int>> waiters;

  std::mutex mutex;
  std::condition_variable finished;
  std::atomic<bool> done = false;
  std::exception_ptr error;
};

}  // namespace kumiko
