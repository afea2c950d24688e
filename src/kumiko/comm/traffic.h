// Counts what was communicated, by verb, axis and purpose. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "kumiko/base/trace.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/comm/operation.h"

namespace kumiko {

class TrafficLedger {
 public:
  // Stays valid for the ledger's life, across reset().
  using Row = TrafficRow*;

  // Counts the call and its bytes, which later seconds are added to.
  Row count(const Operation& operation);
  void add_seconds(Row row, double seconds);
  void add_exposed(Row row, double seconds);

  // Rows with at least one call, ordered by verb, axis and purpose.
  std::vector<TrafficRow> rows() const;
  void reset();

  // Who is told of each operation, beside the counts; none to begin with.
  void record_to(std::shared_ptr<TraceRecorder> recorder);
  std::shared_ptr<TraceRecorder> recorder() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::tuple<Verb, Axis, std::string>, TrafficRow> rows_;
  std::shared_ptr<TraceRecorder> recorder_;
};

}  // namespace kumiko
