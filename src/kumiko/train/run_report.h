// What a run tells: the box at its start, a line a step to the screen and to files, the breakdown. Only rank 0 speaks.
// Nothing of it can end the run (observer_guard.h).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "kumiko/base/regions.h"
#include "kumiko/train/console.h"
#include "kumiko/train/metrics.h"
#include "kumiko/train/observer_guard.h"
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
  // Of the saves that this rank has been told of; 0 before the first.
  double longest_save_seconds() const { return longest_save_seconds_; }
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
  void open_files(const std::filesystem::path& directory);
  void add_file(std::string name, std::string record, GuardedSink::Open open);
  // Shows what show(console) writes to it, on rank 0.
  template <class Show>
  void on_console(const Show& show);

  ObserverGuard screen_guard_{"the screen", ""};
  std::optional<Console> console_;
  std::vector<std::unique_ptr<GuardedSink>> files_;
  std::filesystem::path checkpoints_path_;  // empty: there is no such log
  ObserverGuard checkpoints_guard_{"checkpoints.jsonl", "save"};
  std::optional<CheckpointLog> checkpoints_;
  int64_t first_step_;
  double longest_save_seconds_ = 0;
  StepRates rates_;
  ProcessMetrics process_;
};

}  // namespace kumiko
