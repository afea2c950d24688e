// The time of a training step on synthetic tokens, without files: what `kumiko bench step` measures.
#pragma once

#include <string>
#include <vector>

#include "kumiko/base/regions.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/model/memory.h"
#include "kumiko/tensor/precision.h"
#include "kumiko/train/config.h"
#include "kumiko/train/flops.h"
#include "kumiko/train/options.h"

namespace kumiko {

struct StepBenchmarkOptions {
  std::string model = "gpt2-124m";
  int64_t num_layers = 0;  // 0: the model's
  int64_t micro_batch_size = 4;
  int64_t seq_length = 1024;
  ParallelOptions parallel;
  Precision precision = Precision::fp32;
  RecomputeOptions recompute;
  bool reproducible = false;
  int64_t warmup = 1;
  int64_t steps = 5;
  Overrides settings;  // any option of a configuration; they override the others here

  // User error for a size below 1.
  void validate() const;
};

// The configuration of a run that these options describe. User error for an unknown model or setting, or more layers to
// recompute than the model has.
Config benchmark_config(const StepBenchmarkOptions& options);

// The middle one of at least one; of an even number the upper.
double median_of(std::vector<double> values);

struct StepBenchmark {
  std::vector<double> seconds;  // of each counted step
  double median_seconds = 0;
  double tokens_per_second = 0;  // of all ranks
  double flops_per_second = 0;   // of one rank
  double peak = 0;               // FLOP/s of these threads, measured beside it
  double setup_seconds = 0;      // memory, weights, packing
  StepMemory predicted;          // with the kernels' scratch as it was counted
  StepMemory accounted;          // by the pools
  int64_t kernel_scratch = 0;    // of it, the kernels' own workspace
  int64_t reserved_bytes = 0;    // that the pools hold from the system
  int64_t program_bytes = 0;     // of the process at its highest before any of that
  int64_t resident_bytes = 0;    // of the process at its highest
  int num_threads = 0;
  std::vector<std::string> places;  // of every rank (train/rank_placement.h)
  double loss = 0;
  ModelShape shape;
  RegionTimes times;

  double peak_share() const { return flops_per_second / peak; }
};

// Collective. Forward, backward, the sum of the gradients over the ranks, clipping and AdamW; every rank has a
// micro-batch of its own. Times and sizes are those of this rank. User error for an unknown model or element type, or a
// size below 1.
StepBenchmark benchmark_step(const StepBenchmarkOptions& options, World& world);

}  // namespace kumiko
