#include "kumiko/parallel/accumulate.h"

#include <algorithm>

namespace kumiko {

static Pass make_pass(const StepContext& step, const MicroBatch& micro_batch) {
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
  return pass;
}

int64_t num_loss_tokens(const MicroBatch& micro_batch) {
  const auto targets = micro_batch.targets.elements<int32_t>();
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

double accumulate_gradients(Model& model, const StepContext& step, const std::vector<MicroBatch>& micro_batches,
                            GradientReducer& reducer) {
  double loss_sum = 0;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    Stash stash;
    WeightWork weight_work(WeightWork::When::at_once);
    Pass pass = make_pass(step, micro_batches[i]);
    pass.training = true;
    pass.stash = &stash;
    pass.weight_work = &weight_work;
    {
      const PhaseSpan phase(step.timer, Phase::forward, static_cast<int64_t>(i));
      model.forward(pass);
    }
    loss_sum += pass.loss_sum;
    const PhaseSpan phase(step.timer, Phase::backward, static_cast<int64_t>(i));
    const bool last = i + 1 == micro_batches.size();
    model.backward(pass, [&](int unit) {
      if (last) reducer.unit_ready(unit);
    });
  }
  return loss_sum;
}

double evaluate_loss(Model& model, const StepContext& step, const MicroBatch& micro_batch) {
  const PhaseSpan phase(step.timer, Phase::evaluation);
  Pass pass = make_pass(step, micro_batch);
  model.forward(pass);
  return pass.loss_sum;
}

}  // namespace kumiko
