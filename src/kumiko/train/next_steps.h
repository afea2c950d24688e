// The steps that a run takes at once: one; or, where an asynchronous pipeline trains, a stream of them.
#pragma once

#include <vector>

#include "kumiko/train/profiler.h"
#include "kumiko/train/setup.h"

namespace kumiko {

// How many: an asynchronous pipeline runs empty at every multiple of parallel.pipeline_stream_steps, and wherever a
// validation, a save or the end may be due; so the same steps go in one stream whenever a run is resumed.
int64_t num_next_steps(const Run& run);

// Reads their samples and trains. Collective.
std::vector<StepResult> take_next_steps(Run& run, RegionTimer& timer, const Profiler& profiler, bool stop_requested);

}  // namespace kumiko
