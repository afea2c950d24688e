// What tells about a run must not end it. Whatever writes metrics, events, traces or lines to the screen does it behind
// such a guard: a full disk, a closed pipe or a folder that is gone costs what was to be told, and a warning says so.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "kumiko/train/metrics.h"

namespace kumiko {

class ObserverGuard {
 public:
  // `name` is what messages call it ("metrics.jsonl"). `record` is what is lost while it fails ("step"); empty: each
  // record stands for all before it, so nothing is.
  ObserverGuard(std::string name, std::string record) : name_(std::move(name)), record_(std::move(record)) {}
  // Says what is missing if it fails to the end.
  ~ObserverGuard();
  ObserverGuard(const ObserverGuard&) = delete;
  ObserverGuard& operator=(const ObserverGuard&) = delete;

  // Calls tell(), which writes so many records, and returns whether it came through. The first of several failures in a
  // row is a warning, and so is the first success behind them, with the number of records that are missing.
  template <class Tell>
  bool operator()(const Tell& tell, int64_t records = 1) {
    try {
      tell();
    } catch (const std::exception& error) {
      failed(error, records);
      return false;
    }
    if (failing_) recovered();
    return true;
  }

 private:
  void failed(const std::exception& error, int64_t records);
  void recovered();
  std::string lost_text() const;

  std::string name_;
  std::string record_;
  bool failing_ = false;
  int64_t lost_ = 0;  // since it fails
};

// A sink behind a guard. It is opened at once; where that fails, each step tries it again.
class GuardedSink final : public MetricsSink {
 public:
  using Open = std::function<std::unique_ptr<MetricsSink>()>;
  // `name` and `record` as for the guard.
  GuardedSink(std::string name, std::string record, Open open);
  void write(const StepMetrics& metrics) override;
  void write_process(const ProcessMetrics& process) override;

 private:
  ObserverGuard guard_;
  Open open_;
  std::unique_ptr<MetricsSink> sink_;
  ProcessMetrics process_;
};

}  // namespace kumiko
