// Gradient accumulation: the forward and backward of one rank's micro-batches of a step.
#pragma once

#include <vector>

#include "kumiko/model/model.h"
#include "kumiko/parallel/gradient_reducer.h"
#include "kumiko/parallel/step_context.h"
#include "kumiko/parallel/weight_gatherer.h"

namespace kumiko {

struct MicroBatch {
  Tensor tokens;             // [B, S] i32
  Tensor targets;            // [B, S] i32; -1 counts for nothing
  int64_t first_sample = 0;  // its place in the global batch
  Tensor first_keys{};       // [B, S] i32, or absent: see Pass
  Tensor positions{};        // [B, S] i32, or absent
};

// How many targets count.
int64_t num_loss_tokens(const MicroBatch& micro_batch);

// Adds the gradients of all micro-batches up: `weights` brings each unit's weights, and `gradients` sums what is ready.
// Returns the sum of the losses of each micro-batch's tokens. Call gradients.wait() before reading the gradients.
std::vector<double> accumulate_gradients(Model& model, const StepContext& step,
                                         const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                         GradientReducer& gradients);

// The sum of the losses of each micro-batch, with no gradient and no dropout.
std::vector<double> evaluate_loss(Model& model, const StepContext& step, const std::vector<MicroBatch>& micro_batches,
                                  WeightGatherer& weights);

}  // namespace kumiko
