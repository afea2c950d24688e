// What one rank's training step holds in memory, as a pure function of its shape: nothing is built or run. A planner
// asks it before a job; a test holds the memory pool's accounting to it, byte for byte.
#pragma once

#include <array>
#include <cstdint>

#include "kumiko/model/options.h"
#include "kumiko/model/recompute.h"
#include "kumiko/model/tensor_parallel.h"
#include "kumiko/tensor/dtype.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

struct StepMemoryShape {
  int64_t micro_batch_size = 1;
  int64_t seq_length = 1;
  int64_t num_micro_batches = 1;  // of this rank in a step: their tokens are all there at once
  // Whether a micro-batch brings the first key and the position of each token.
  bool first_keys = false;
  bool positions = false;
  DType compute = DType::f32;  // of activations and their gradients
  DType weights = DType::f32;  // of parameters, gradients and optimizer state
  RecomputeOptions recompute;
  TensorParallel tensor_parallel;
  int64_t optimizer_states = 2;  // numbers kept for each parameter: 2 for Adam, 1 for SGD with momentum
  // Bytes of parts that the model does not know: the kernels' own scratch (laid-out weights, blocks of attention), and
  // what collectives need.
  int64_t kernel_workspace = 0;
  int64_t communication = 0;
  // Of the copy that an asynchronous save writes from, which may be there during any step.
  int64_t checkpoint = 0;
};

struct StepMemory {
  // Of each purpose at its own highest moment, in bytes.
  std::array<int64_t, num_memory_purposes> peaks{};
  // Of all purposes together at the highest moment of the step: at most the sum of the peaks.
  int64_t peak = 0;

  int64_t operator[](MemoryPurpose purpose) const { return peaks[static_cast<size_t>(purpose)]; }
};

// `model` must be valid. Weight gradients are taken at once (WeightWork::When::at_once).
StepMemory step_memory(const ModelOptions& model, const StepMemoryShape& shape);

// Of one micro-batch at one stage of a pipeline, units [begin, end) of the whole model; in bytes. Peaks are above what
// the rank holds of other micro-batches.
struct StageStepMemory {
  int64_t held = 0;                 // by F, for the backward
  int64_t held_after_backward = 0;  // by B, for W, to within what dropout adds
  int64_t stash_peak = 0;           // of F and of BW, by purpose
  int64_t workspace_peak = 0;
};
StageStepMemory stage_step_memory(const ModelOptions& model, const StepMemoryShape& shape, IndexRange units);

// Bytes that the forward of one micro-batch leaves for its backward.
int64_t stash_bytes(const ModelOptions& model, const StepMemoryShape& shape);

}  // namespace kumiko
