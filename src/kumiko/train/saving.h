// When and how a run saves, and what it tells of it: each save behind training if that is wanted, one at a time.
#pragma once

#include <optional>

#include "kumiko/base/error.h"
#include "kumiko/base/regions.h"
#include "kumiko/train/profiler.h"
#include "kumiko/train/run_report.h"
#include "kumiko/train/setup.h"

namespace kumiko {

// A save that fails does not end the run: an error says so, and the next one tries again. Only if the state that
// training ends with cannot be saved, finish() throws. Every rank has one and calls all of it; nothing happens in a run
// that saves nothing.
class RunSaving {
 public:
  RunSaving(Run& run, RunReport& report, RegionTimer& timer, const Profiler& profiler)
      : run_(run),
        report_(report),
        timer_(timer),
        profiler_(profiler),
        begun_step_(run.state.step),
        begun_updates_(run.state.updates) {}

  // Collective. Saves the present step, unless no step since the last save has changed the weights: such checkpoints
  // would only push good ones out of checkpoint.keep_last. Returns when training may go on: after the copy, or after
  // the write if nothing is written behind; but an earlier save comes to its end first.
  void save();
  // Tells of a save that has ended since the last call.
  void tell();
  // Collective. Saves the last step if that has not been done, and waits until it is on the disk. The save's error if
  // it is not.
  void finish();
  // Collective. Returns work(); if it throws a BadValuesError, saves the weights, which are still good, first.
  template <class Work>
  auto keep_last_good(const Work& work) {
    try {
      return work();
    } catch (const BadValuesError&) {
      save_last_good();
      throw;
    }
  }

 private:
  void save_last_good();
  void start(BackgroundWriter::When when);
  void tell(const std::optional<SaveResult>& ended);
  void warn() const;
  void record_write(const SaveResult& saved) const;

  Run& run_;
  RunReport& report_;
  RegionTimer& timer_;
  const Profiler& profiler_;
  int64_t begun_step_;            // that the newest save is of, or the run began with
  int64_t begun_updates_;         // of the weights in it
  bool warned_ = false;           // that saves are left out
  std::optional<Error> failure_;  // of that save
  double waited_seconds_ = 0;     // before it began, for the one before
  bool traced_ = false;
  bool ending_ = false;
};

}  // namespace kumiko
