#include "kumiko/train/step.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <sstream>

#include "kumiko/base/log.h"
#include "kumiko/comm/agreement.h"
#include "kumiko/optim/lr_schedule.h"
#include "kumiko/parallel/exact_reduce.h"
#include "kumiko/parallel/gradient_norm.h"
#include "kumiko/parallel/pipeline.h"

namespace kumiko {
namespace {

// Sums a few numbers over the ranks, in double.
std::vector<double> sum_over_ranks(Communicator& ranks, MemoryPool& pool, std::vector<double> values) {
  const auto count = static_cast<int64_t>(values.size());
  const Tensor tensor = Tensor::empty(pool, {count}, DType::f64, MemoryPurpose::communication);
  std::copy(values.begin(), values.end(), tensor.data<double>());
  ranks.all_reduce(tensor, ReduceOp::sum, "loss").wait();
  std::copy_n(tensor.data<double>(), count, values.begin());
  return values;
}

// The tokens of the global batch that count; 1 if none does, as the loss and its gradient are then 0 whatever they are
// divided by.
double loss_tokens(const StepContext& context, const std::vector<MicroBatch>& micro_batches, Communicator& data,
                   const StepSettings& settings) {
  if (!settings.loss_mask) return static_cast<double>(settings.tokens_per_step);
  const Span span(context.timer, Region::gradient_all_reduce);
  int64_t count = 0;
  for (const MicroBatch& micro_batch : micro_batches) count += num_loss_tokens(micro_batch);
  return std::max(1.0, sum_over_ranks(data, context.pool, {static_cast<double>(count)})[0]);
}

// Adds the lines of all ranks to `lines`.
void gather_lines(Communicator& ranks, std::set<std::string>& lines) {
  std::string own;
  for (const std::string& line : lines) own += line + "\n";
  for (const std::string& text : gather_text(ranks, own)) {
    std::istringstream all(text);
    for (std::string line; std::getline(all, line);) lines.insert(line);
  }
}

// The logical tensors whose gradient holds NaN or Inf on any rank that holds a part of it, the first few by name.
// Collective.
std::string name_bad_gradients(const StepContext& context, const DataAxis& data, const ParameterStorage& storage,
                               bool finite_gradient) {
  constexpr size_t most_names = 4;
  std::set<std::string> names;
  for (const OwnedFragment& owned : storage.owned()) {
    for (const PartRun& run : part_runs(storage.parameters(), owned.fragment)) {
      const Tensor gradient = owned.gradient.slice(run.in_fragment, run.count);
      if (!std::isfinite(context.kernels.sum_of_squares(gradient))) names.insert(run.part->name);
    }
  }
  if (storage.sharding().divides_optimizer()) gather_lines(data.gradients, names);
  if (context.tensor != nullptr) gather_lines(*context.tensor, names);
  if (context.pipeline != nullptr) gather_lines(*context.pipeline->ranks, names);
  if (names.empty()) return finite_gradient ? "the loss alone" : "no gradient";
  std::string text;
  size_t count = 0;
  for (const std::string& name : names) {
    if (count++ < most_names) text += (text.empty() ? "" : ", ") + name;
  }
  return count > most_names ? fmt::format("the gradients of {} and {} more", text, count - most_names)
                            : "the gradients of " + text;
}

void report_bad_values(const StepResult& result, int64_t step, BadValues policy, const std::string& where) {
  const std::string what = fmt::format("step {}: loss {}, gradient norm {}: NaN or Inf in {}", step + 1, result.loss,
                                       result.gradient_norm, where);
  if (policy == BadValues::stop) {
    throw_user(
        "{}; the weights are those of step {}. Lower optimizer.lr, look at the data of this step, or set "
        "train.on_bad_values = \"skip\" to go on without it",
        what, step);
  }
  log::warning("{}; the step is skipped", what);
}

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
                         const DataAxis& data, const StepSettings& settings, bool stop_requested) {
  Kernels& kernels = context.kernels;
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
    auto sums = sum_over_ranks(data.ranks, context.pool, {local_loss, stop_requested ? 1.0 : 0.0});
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
  const bool finite_loss = std::isfinite(result.loss);
  const bool finite_gradient = std::isfinite(result.gradient_norm);
  result.skipped = !finite_loss || !finite_gradient;
  result.overflow = finite_loss && !finite_gradient && state.loss_scale.can_fall();
  if (result.skipped && !result.overflow) {
    report_bad_values(result, state.step, settings.on_bad_values,
                      name_bad_gradients(context, data, storage, finite_gradient));
  } else if (!result.skipped) {
    const double clip = clip_coefficient(result.gradient_norm, settings.optimizer.clip_grad);
    state.optimizer->update(kernels, ++state.updates, result.lr, clip / result.loss_scale);
    start_gathers(data, storage);
    if (!storage.sharding().divides_optimizer()) state.model.prepare(kernels);
  }
  if (finite_loss) state.loss_scale.update(!finite_gradient);
  result.step = ++state.step;
  return result;
}

}  // namespace kumiko
