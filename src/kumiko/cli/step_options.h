// Options that several commands have: those of a training step on synthetic tokens, and where ranks compute.
#pragma once

#include "kumiko/train/step_benchmark.h"

namespace CLI {
class App;
}

namespace kumiko {

// --threads and --bind.
void add_placement_options(CLI::App& command, ParallelOptions& options);

// The model, the batch, precision, recomputation, placement, communication and the numbers of steps. `options` must
// outlive `command`.
void add_step_options(CLI::App& command, StepBenchmarkOptions& options);

}  // namespace kumiko
