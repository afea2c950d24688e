// The steps that a run takes at once: one; or, where an asynchronous pipeline trains, a stream of them.
#pragma once

#include <vector>

#include "kumiko/train/profiler.h"
#include "kumiko/train/setup.h"

namespace kumiko {

// How many: an asynchronous pipeline runs empty at every multiple of parallel.pipeline_stream_steps, and wherever a
// validation, a save or the end may be due; so the same steps go in one stream whenever a run is resumed.
int64_t num_next_steps(const Run& run);

// One step of a synchronous run: the results that are known behind it. Where updates are validated a step later, they
// are those of the steps before; but all of them before a validation, a save or the end, and once a rank has wished to
// stop. Collective.
std::vector<StepResult> take_step(Run& run, const StepContext& context, const std::vector<MicroBatch>& micro_batches,
                                  const StopWish& stop);

// Reads the samples of the next steps and trains; the results that are known then. Collective.
std::vector<StepResult> take_next_steps(Run& run, RegionTimer& timer, const Profiler& profiler, const StopWish& stop);

}  // namespace kumiko
