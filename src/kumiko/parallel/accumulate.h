// Gradient accumulation: the forward and backward of one rank's micro-batches of a step.
#pragma once

#include <vector>

#include "kumiko/model/model.h"
#include "kumiko/parallel/gradient_reducer.h"

namespace kumiko {

// What the passes of one step share.
struct StepContext {
  Kernels& kernels;
  MemoryPool& pool;
  RegionTimer* timer = nullptr;
  DType dtype = DType::f32;
  uint64_t seed = 0;
  int64_t step = 0;
  double loss_scale = 1;
  RecomputeOptions recompute{};
  Communicator* tensor = nullptr;  // the tensor axis; none if each rank has the whole model
  TensorExchange exchange{};
};

struct MicroBatch {
  Tensor tokens;             // [B, S] i32
  Tensor targets;            // [B, S] i32; -1 counts for nothing
  int64_t first_sample = 0;  // its place in the global batch
  Tensor first_keys{};       // [B, S] i32, or absent: see Pass
  Tensor positions{};        // [B, S] i32, or absent
};

// How many targets count.
int64_t num_loss_tokens(const MicroBatch& micro_batch);

// Adds the gradients of all micro-batches to the parameters', announcing each unit to `reducer` when the last
// micro-batch is through with it. Returns the sum of the losses of this rank's tokens. Blocks only for arithmetic; call
// reducer.wait() before reading the gradients.
double accumulate_gradients(Model& model, const StepContext& step, const std::vector<MicroBatch>& micro_batches,
                            GradientReducer& reducer);

// The sum of the losses of one micro-batch, with no gradient and no dropout.
double evaluate_loss(Model& model, const StepContext& step, const MicroBatch& micro_batch);

}  // namespace kumiko
