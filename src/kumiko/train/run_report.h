// What a run tells: the box at its start, a line a step to the screen and to files, the breakdown. Only rank 0 speaks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kumiko/base/regions.h"
#include "kumiko/train/console.h"
#include "kumiko/train/metrics.h"
#include "kumiko/train/setup.h"
#include "kumiko/train/signals.h"
#include "kumiko/train/step_rates.h"

namespace kumiko {

class RunReport {
 public:
  // `peak`: FLOP/s that this rank's device could do, if known.
  RunReport(const Run& run, std::optional<double> peak);

  // The box: model, mesh, batch, memory, places.
  void show_summary();
  // One step; `elapsed_seconds` since the end of the step before, with evaluation and saving.
  void step(const StepResult& result, double step_seconds, double elapsed_seconds,
            std::optional<double> validation_loss);
  // By region, and what was communicated meanwhile.
  void show_breakdown(const RegionTimes& times);
  // A save has ended, well or not.
  void saved(const SaveResult& result, const SaveTimes& times);
  // A line of its own ("saved ...").
  void say(const std::string& line);
  // How a stop signal is to be answered on this rank.
  StopSignals::Answer signal_answer() const;
  // What goes on instead of a step, shown beside the progress bar; "" when it is over.
  void activity(const std::string& what);

 private:
  const Run& run_;
  std::optional<double> peak_;
  double flops_per_token_;
  std::vector<TrafficRow> traffic_shown_;  // or before the first step
  std::optional<Console> console_;
  std::vector<std::unique_ptr<MetricsSink>> files_;
  std::optional<CheckpointLog> checkpoints_;
  StepRates rates_;
  ProcessMetrics process_;
};

}  // namespace kumiko
