// The samples that go through a model at once, and the pass that takes them through it.
#pragma once

#include "kumiko/parallel/step_context.h"

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

// A pass without stash, weight work and observer, and outside training.
Pass make_pass(const StepContext& step, const MicroBatch& micro_batch);

}  // namespace kumiko
