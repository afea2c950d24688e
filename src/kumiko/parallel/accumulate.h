// Gradient accumulation: the forward and backward of one rank's micro-batches of a step; through the pipeline if it is
// one of a pipeline's.
#pragma once

#include <vector>

#include "kumiko/model/model.h"
#include "kumiko/parallel/gradient_reducer.h"
#include "kumiko/parallel/micro_batch.h"
#include "kumiko/parallel/weight_gatherer.h"

namespace kumiko {

// How often each unit of parameters is ready in a step of so many micro-batches: what GradientReducer counts.
std::vector<int64_t> gradient_contributions(const Model& model, const StepContext& step, int64_t num_micro_batches);

// Adds the gradients of all micro-batches up: `weights` brings each unit's weights, and `gradients` sums what is ready.
// Returns the sum of the losses of each micro-batch's tokens, 0 where another rank has its head. Call gradients.wait()
// before reading the gradients.
std::vector<double> accumulate_gradients(Model& model, const StepContext& step,
                                         const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                         GradientReducer& gradients);

// The sum of the losses of each micro-batch, with no gradient and no dropout.
std::vector<double> evaluate_loss(Model& model, const StepContext& step, const std::vector<MicroBatch>& micro_batches,
                                  WeightGatherer& weights);

}  // namespace kumiko
