// A run's newest numbers for Prometheus, in its text format 0.0.4: as a file for node_exporter, or answered over HTTP.
// Everything is of rank 0, but what the names of the metrics say is of all ranks.
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "kumiko/train/metrics.h"
#include "kumiko/train/metrics_server.h"

namespace kumiko {

// What a scrape tells. Counters count from the start of the process; a resumed run's begin again, as Prometheus
// expects.
struct PrometheusState {
  StepMetrics step;
  ProcessMetrics process;
  double step_time = 0;                   // when the step was complete, in seconds since 1970
  std::optional<double> validation_loss;  // the newest
};

// Every metric with HELP and TYPE; before the first step only kumiko_build_info.
std::string prometheus_text(const PrometheusState& state);

// Keeps what both sinks tell. Thread-safe.
class PrometheusSink : public MetricsSink {
 public:
  void write(const StepMetrics& metrics) override;
  void write_process(const ProcessMetrics& process) override;

 protected:
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  PrometheusState state_;
};

// A file that is always whole, written at most once a second (and by the destructor): no reader scrapes more often.
class PrometheusFile final : public PrometheusSink {
 public:
  // Environment error if the file cannot be written, here and in write() until the next time that it can.
  explicit PrometheusFile(std::filesystem::path path);
  ~PrometheusFile() override;
  void write(const StepMetrics& metrics) override;

 private:
  void replace();

  std::filesystem::path path_;
  std::chrono::steady_clock::time_point tried_{};
  bool failed_ = false;  // the last time that it was tried
  bool behind_ = false;  // the file does not hold the newest step
};

// Answers GET /metrics from a thread of its own, which is also where the text is made.
class PrometheusEndpoint final : public PrometheusSink {
 public:
  // Environment error if the address cannot be listened on.
  PrometheusEndpoint(const std::string& address, int64_t port);

 private:
  MetricsServer server_;
};

}  // namespace kumiko
