#include "kumiko/train/step.h"

#include <cmath>
#include <numeric>

#include "kumiko/optim/lr_schedule.h"
#include "kumiko/parallel/exact_reduce.h"
#include "kumiko/parallel/gradient_norm.h"
#include "kumiko/parallel/pipeline.h"
#include "kumiko/train/step_parts.h"

namespace kumiko {
namespace {

// Forward and backward: the gradients of the global batch, in shards, and this rank's losses.
std::vector<double> summed_gradients(TrainingState& state, const StepContext& context,
                                     const std::vector<MicroBatch>& micro_batches, const DataAxis& data) {
  ParameterStorage& storage = *state.storage;
  GradientReducer gradients(data, storage, context,
                            gradient_contributions(state.model, context, static_cast<int64_t>(micro_batches.size())));
  std::vector<double> losses;
  {
    WeightGatherer weights(data, storage, state.model, context);
    losses = accumulate_gradients(state.model, context, micro_batches, weights, gradients);
  }
  const Span span(context.timer, Region::gradient_all_reduce);
  gradients.wait();
  sum_copies(context.pipeline, state.model, storage, context.kernels);
  return losses;
}

}  // namespace

TrainingState make_training_state(const ModelOptions& model, const OptimizerOptions& optimizer, uint64_t seed,
                                  Kernels& kernels, MemoryPool& pool, DType dtype, TensorParallel tensor_parallel,
                                  const Sharding& sharding, const PipelinePart& pipeline) {
  TrainingState state{Model(model, tensor_parallel, pipeline), nullptr, nullptr};
  const ParameterRegistry& parameters = state.model.parameters();
  state.storage = std::make_unique<ParameterStorage>(parameters, sharding, pool, dtype);
  state.storage->initialize(seed);
  std::vector<OptimizedTensor> tensors;
  for (const OwnedFragment& owned : state.storage->owned()) {
    tensors.push_back({owned.weight, owned.gradient, parameters.all()[owned.fragment.parameter]->decay});
  }
  state.optimizer = make_optimizer(optimizer, std::move(tensors), pool);
  weights_changed(state, kernels);
  return state;
}

void weights_changed(TrainingState& state, Kernels& kernels) {
  // Divided weights are laid out when they are brought together.
  if (!state.storage->sharding().divides_weights()) state.model.prepare(kernels);
}

StepResult training_step(TrainingState& state, StepContext context, const std::vector<MicroBatch>& micro_batches,
                         const DataAxis& data, const StepSettings& settings, const StopWish& stop) {
  ParameterStorage& storage = *state.storage;
  StepResult result;
  // Skipped steps do not count, as in Megatron: a warm-up spent on finding the loss scale would be none.
  result.lr = learning_rate(settings.optimizer, state.updates);

  // Every token of the global batch that counts weighs the same, so sums over micro-batches and ranks are the gradient
  // of the mean.
  context.step = state.step;
  result.loss_scale = state.loss_scale.value();
  const double tokens = loss_tokens(context, micro_batches, data.ranks, settings);
  context.loss_scale = result.loss_scale / tokens;
  const std::vector<double> losses = summed_gradients(state, context, micro_batches, data);
  {
    const Span span(context.timer, Region::gradient_all_reduce);
    Communicator* const stages = context.pipeline == nullptr ? nullptr : context.pipeline->ranks.get();
    const double local_loss = std::accumulate(losses.begin(), losses.end(), 0.0);
    auto sums = sum_over_ranks(data.ranks, context.pool, {local_loss, stop() ? 1.0 : 0.0});
    if (stages != nullptr) sums = sum_over_ranks(*stages, context.pool, sums);
    result.loss = sums[0] / tokens;
    if (context.reproducible) result.loss = sum_exactly(losses, {&data.ranks, stages}, "loss", context.pool) / tokens;
    result.stop_requested = sums[1] > 0;
    if (context.tensor != nullptr) {
      result.stop_requested = sum_over_ranks(*context.tensor, context.pool, {sums[1]})[0] > 0;
    }
  }

  const Span span(context.timer, Region::optimizer);
  result.gradient_norm = std::sqrt(squared_gradient_norm(context, data, storage)) / result.loss_scale;
  update_weights(state, context, data, settings, result);
  result.step = ++state.step;
  return result;
}

}  // namespace kumiko
