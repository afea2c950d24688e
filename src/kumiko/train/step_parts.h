// What the ways to take a step share (step.h, validated_step.h).
#pragma once

#include <vector>

#include "kumiko/train/step.h"

namespace kumiko {

// Sums a few numbers over the ranks, in double.
std::vector<double> sum_over_ranks(Communicator& ranks, MemoryPool& pool, std::vector<double> values,
                                   std::string_view purpose = "loss");

// The tokens of the global batch that count; 1 if none does, as the loss and its gradient are then 0 whatever they are
// divided by. Collective over `data`.
double loss_tokens(const StepContext& context, const std::vector<MicroBatch>& micro_batches, Communicator& data,
                   const StepSettings& settings);

// Once loss and gradient norm of the step after state.step are in `result`: says there whether the step is skipped and
// why, clips and updates this rank's shards if it is not, and tells the loss scale. A user error names the tensors that
// are not finite, if the settings say so. Collective.
void update_weights(TrainingState& state, const StepContext& context, const DataAxis& data,
                    const StepSettings& settings, StepResult& result);

// This rank's shards have been given other values: starts to tell the other ranks, and lays out what is whole.
void show_new_weights(TrainingState& state, const DataAxis& data, Kernels& kernels);

}  // namespace kumiko
