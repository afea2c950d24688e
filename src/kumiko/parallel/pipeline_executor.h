// Carries a pipeline's schedule out, one step of it: this rank's actions in their order, with weights before each visit
// and gradients after it as on a rank that has the whole model (step_visits.h). It decides nothing: what is sent, and
// when, is in the program.
#pragma once

#include <vector>

#include "kumiko/parallel/gradient_reducer.h"
#include "kumiko/parallel/micro_batch.h"
#include "kumiko/parallel/pipeline.h"
#include "kumiko/parallel/weight_gatherer.h"

namespace kumiko {

// Whether the action's micro-batch goes through an embedding on another rank: the head's visits complete the gradient
// of a token table that it shares.
bool embedding_is_elsewhere(const Pipeline& pipeline, const Action& action);

// How often each unit of parameters is complete in a step: what GradientReducer counts.
std::vector<int64_t> pipeline_contributions(const Model& model, const StepContext& step, const Pipeline& pipeline);

// The gradients of all micro-batches, added up: as accumulate_gradients. Losses are those that this rank's heads have;
// 0 for the other micro-batches.
std::vector<double> run_pipeline(Model& model, const StepContext& step, const Pipeline& pipeline,
                                 const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                 GradientReducer& gradients);

// The losses alone, with no gradient and no dropout.
std::vector<double> evaluate_pipeline(Model& model, const StepContext& step, const Pipeline& pipeline,
                                      const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights);

}  // namespace kumiko
