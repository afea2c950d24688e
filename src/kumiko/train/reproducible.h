// What train.reproducible = true asks of a run, so that any number of ranks gives the same bits: see
// docs/parallelism/reproducible.md for how, and model/canonical.h for the heart of it.
#pragma once

#include "kumiko/mesh/mesh.h"
#include "kumiko/schedule/schedule.h"
#include "kumiko/train/config.h"

namespace kumiko {

// User error, naming the option, where the bits could not be the same. The model's sizes are filled in.
void check_reproducible(const Config& config, const Mesh& mesh);
// The same of the schedule of a pipeline.
void check_reproducible(const Schedule& schedule);

// The products that the run takes: our own in the reproducible mode.
LinearBackend linear_backend_of(const TrainOptions& options);

}  // namespace kumiko
