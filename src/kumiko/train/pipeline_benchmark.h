// A pipeline's schedules carried out, beside what the simulator says of them: bubbles and memory. With real arithmetic
// where there is a core for each rank; else each action is made to last a given time, and what is measured is the
// executor and its messages.
#pragma once

#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/schedule/timeline.h"
#include "kumiko/schedule/timeline_file.h"
#include "kumiko/train/step_benchmark.h"

namespace kumiko {

struct PipelineBenchmarkOptions {
  StepBenchmarkOptions step;
  std::vector<std::string> schedules;  // empty: all synchronous ones that are defined for the sizes
  int64_t num_micro_batches = 8;
  // Seconds that F, B and W of one micro-batch seem to take on one rank, over all of its stages; all 0: real
  // arithmetic.
  StageTimes times{0, 0, 0};

  bool emulates() const { return times.total() > 0; }
  void validate() const;
};

struct PipelineMeasurement {
  TimelineFile file;  // the step with the middle bubble: times in ms
  // With the times that were given, or those measured in the mean; messages and the memory of F and B as measured.
  Simulation simulation;
  double transfer_ms = 0;  // T_c
  double bubble_rate = 0;
  double step_seconds = 0;
  std::vector<double> peak_bytes;  // held at once, of each rank, at the end of any action
  // Of each rank: the most micro-batches in flight, counted as Simulation::peak_activations.
  std::vector<double> peak_activations;
  std::string refusal;  // why the schedule was not run; empty if it was
};

// Collective over all ranks, which are those of one pipeline. The result is rank 0's; elsewhere timelines are empty.
std::vector<PipelineMeasurement> benchmark_pipeline(const PipelineBenchmarkOptions& options, World& world);

}  // namespace kumiko
