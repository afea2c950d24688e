// The scaling record: the same training step in one layout after another, and what each makes of its ranks. What
// `kumiko bench scaling` measures.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "kumiko/base/regions.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/train/scaling_layout.h"
#include "kumiko/train/step_benchmark.h"

namespace kumiko {

struct ScalingOptions {
  StepBenchmarkOptions step;  // what it says of [parallel] holds for all layouts; its steps are those of a round
  ScalingMode mode = ScalingMode::strong;
  int64_t global_batch_size = 0;  // of strong: samples a step; 0: the least that every layout can share out
  int64_t rank_batch_size = 0;    // of weak: samples a step for each rank; 0: the micro-batch size
  int64_t rounds = 3;
  std::vector<ScalingLayout> layouts;  // empty: default_layouts
};

// Of one step, on average over the ranks.
struct AxisTraffic {
  double bytes = 0;    // of the tensors handed over
  double seconds = 0;  // from the start of each operation to its completion, summed
  double exposed = 0;  // that the rank waited
  // The share of the communication that arithmetic hid.
  double hidden() const { return seconds > 0 ? std::max(0.0, 1 - exposed / seconds) : 0; }
};

struct ScalingRound {
  double step_seconds = 0;  // median of the round's steps, on rank 0
  RegionTimes times;        // on average over the ranks
  std::array<AxisTraffic, num_axes> traffic{};
};

struct ScalingRow {
  ScalingLayout layout;
  int64_t global_batch_size = 0;
  std::vector<ScalingRound> rounds;  // by time, the fastest first
  double loss = 0;                   // of the last step

  const ScalingRound& median() const { return rounds[rounds.size() / 2]; }
};

struct ScalingRecord {
  ScalingOptions options;  // filled in
  ModelShape shape;
  std::vector<ScalingRow> rows;
  int64_t num_threads = 0;  // of a rank
  int64_t num_hosts = 0;    // of all ranks
  double peak = 0;          // FLOP/s of a rank's threads, measured
  std::string cpu;
  std::string network;

  // Model FLOP/s of one rank at that time of a step.
  double flops_per_rank(const ScalingRow& row, double step_seconds) const;
  double flops_per_rank(const ScalingRow& row) const { return flops_per_rank(row, row.median().step_seconds); }
  // FLOP/s of one rank over that in the first row.
  double efficiency(const ScalingRow& row) const { return flops_per_rank(row) / flops_per_rank(rows.front()); }
};

// Collective. Runs every layout on the first ranks of `world`, while the others wait, `rounds` times, one layout after
// another in each round, since machines change speed. Ranks are placed once, so that every layout computes with the
// same threads. User error, before anything runs, for a layout that does not fit the ranks, the model or the batch.
ScalingRecord benchmark_scaling(ScalingOptions options, World& world);

}  // namespace kumiko
