// One step of a synchronous pipeline that begins before it is known whether the update of the step before was right:
// the warm-up (schedule/warm_up.h) runs with the weights that are there, and is forgotten if they turn out wrong.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/micro_batch.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/pipeline.h"
#include "kumiko/schedule/warm_up.h"

namespace kumiko {

// What of a pipelined step concerns this rank.
struct ValidatedPass {
  Model& model;
  ParameterStorage& storage;
  const StepContext& step;  // with the pipeline
  const WarmUp& warm_up;
  const std::vector<MicroBatch>& micro_batches;
  const DataAxis& data;
};

// Runs this rank's warm-up, then asks `weights_hold`, once, which may wait for other ranks and must answer the same on
// all of them. If they hold, the rest follows: the shards of gradients are those of the step, as after run_pipeline and
// GradientReducer::wait; returns the losses. Otherwise returns nothing, with no message on its way to this rank and the
// gradients of the step before as they were: correct the weights, and call it again. Collective.
std::optional<std::vector<double>> run_validated(const ValidatedPass& pass, const std::function<bool()>& weights_hold);

}  // namespace kumiko
