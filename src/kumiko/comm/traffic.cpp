#include "kumiko/comm/traffic.h"

#include <utility>

namespace kumiko {

TrafficLedger::Row TrafficLedger::count(const Operation& operation) {
  const std::scoped_lock lock(mutex_);
  TrafficRow& row = rows_[{operation.verb, operation.axis, std::string(operation.purpose)}];
  row.verb = operation.verb;
  row.axis = operation.axis;
  row.purpose = operation.purpose;
  row.calls += 1;
  row.bytes += operation.bytes();
  return &row;
}

void TrafficLedger::add_seconds(Row row, double seconds) {
  const std::scoped_lock lock(mutex_);
  row->seconds += seconds;
}

void TrafficLedger::add_exposed(Row row, double seconds) {
  const std::scoped_lock lock(mutex_);
  row->exposed += seconds;
}

std::vector<TrafficRow> TrafficLedger::rows() const {
  const std::scoped_lock lock(mutex_);
  std::vector<TrafficRow> rows;
  for (const auto& [key, row] : rows_) {
    if (row.calls > 0) rows.push_back(row);
  }
  return rows;
}

void TrafficLedger::record_to(std::shared_ptr<TraceRecorder> recorder) {
  const std::scoped_lock lock(mutex_);
  recorder_ = std::move(recorder);
}

std::shared_ptr<TraceRecorder> TrafficLedger::recorder() const {
  const std::scoped_lock lock(mutex_);
  return recorder_;
}

void TrafficLedger::reset() {
  const std::scoped_lock lock(mutex_);
  for (auto& [key, row] : rows_) {
    row.calls = row.bytes = 0;
    row.seconds = row.exposed = 0;
  }
}

}  // namespace kumiko
