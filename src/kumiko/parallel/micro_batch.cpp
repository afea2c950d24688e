#include "kumiko/parallel/micro_batch.h"

#include <algorithm>

namespace kumiko {

Pass make_pass(const StepContext& step, const MicroBatch& micro_batch) {
  Pass pass{step.kernels, step.pool, step.timer, step.dtype};
  pass.batch = micro_batch.tokens.shape()[0];
  pass.sequence = micro_batch.tokens.shape()[1];
  pass.tokens = micro_batch.tokens;
  pass.targets = micro_batch.targets;
  pass.first_keys = micro_batch.first_keys;
  pass.positions = micro_batch.positions;
  pass.seed = step.seed;
  pass.step = step.step;
  pass.first_sample = micro_batch.first_sample;
  pass.loss_scale = step.loss_scale;
  pass.recompute = step.recompute;
  pass.tensor = step.tensor;
  pass.exchange = step.exchange;
  // A shard of several chunks would be no run of tokens, and so no canonical blocks of them (model/canonical.h).
  if (step.reproducible && step.exchange.sequence_parallel) pass.exchange.num_chunks = 1;
  return pass;
}

int64_t num_loss_tokens(const MicroBatch& micro_batch) {
  const auto targets = micro_batch.targets.elements<int32_t>();
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

}  // namespace kumiko
