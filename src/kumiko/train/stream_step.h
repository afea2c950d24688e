// The steps of an asynchronous pipeline: many in one stream, at whose end the pipeline is empty and every stage has the
// same number of updates.
#pragma once

#include <vector>

#include "kumiko/train/step.h"

namespace kumiko {

// User error, naming the option, where a run cannot have such a schedule: what would have to be known of all stages
// before one of them is updated.
void check_stream(const ModelOptions& model, const OptimizerOptions& optimizer, const LossScale& loss_scale,
                  BadValues on_bad_values, int64_t zero_stage);

// Steps state.step, state.step + 1, ... with the micro-batches of each; `context.pipeline` is the stream's. Stages are
// updated each by itself, so a step's loss is of weights that are some updates old. A NaN or Inf in any step is a user
// error, once all of them are done. Collective.
std::vector<StepResult> training_stream(TrainingState& state, const StepContext& context,
                                        const std::vector<std::vector<MicroBatch>>& steps, const DataAxis& data,
                                        const StepSettings& settings, const StopWish& stop);

}  // namespace kumiko
