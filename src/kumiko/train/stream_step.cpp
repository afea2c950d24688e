#include "kumiko/train/stream_step.h"

#include <cmath>

#include "kumiko/base/error.h"
#include "kumiko/optim/lr_schedule.h"
#include "kumiko/parallel/gradient_norm.h"
#include "kumiko/parallel/pipeline_stream.h"
#include "kumiko/train/step_parts.h"

namespace kumiko {
namespace {

// The tokens of each step that count; 1 if none does.
std::vector<double> tokens_of_steps(const StepContext& context, const std::vector<std::vector<MicroBatch>>& steps,
                                    const DataAxis& data, const StepSettings& settings) {
  std::vector<double> tokens(steps.size(), static_cast<double>(settings.tokens_per_step));
  if (!settings.loss_mask) return tokens;
  for (size_t i = 0; i < steps.size(); ++i) {
    tokens[i] = 0;
    for (const MicroBatch& micro_batch : steps[i]) tokens[i] += static_cast<double>(num_loss_tokens(micro_batch));
  }
  tokens = sum_over_ranks(data.ranks, context.pool, std::move(tokens));
  for (double& count : tokens) count = std::max(1.0, count);
  return tokens;
}

void check_finite(const StepResult& result) {
  if (std::isfinite(result.loss) && std::isfinite(result.gradient_norm)) return;
  throw_user(
      "step {}: loss {}, gradient norm {}: NaN or Inf, and an asynchronous pipeline has updated weights with it; go on "
      "from the last checkpoint with a lower optimizer.lr, or look at the data of this step",
      result.step, result.loss, result.gradient_norm);
}

}  // namespace

void check_stream(const ModelOptions& model, const OptimizerOptions& optimizer, const LossScale& loss_scale,
                  BadValues on_bad_values, int64_t zero_stage) {
  const std::string_view why =
      "with an asynchronous parallel.pipeline_schedule, whose stages are updated each by itself";
  if (!model.untie_embeddings_and_output_weights) {
    throw_user("model.untie_embeddings_and_output_weights = false {}: expected true, as embedding and head are", why);
  }
  if (optimizer.clip_grad > 0) {
    throw_user("optimizer.clip_grad = {} {}: expected 0, as no stage knows the norm of the whole gradient",
               optimizer.clip_grad, why);
  }
  if (loss_scale.can_fall())
    throw_user("train.precision = fp16 {}: expected bf16 or fp32, or a constant loss scale", why);
  if (on_bad_values == BadValues::skip) {
    throw_user("train.on_bad_values = skip {}: expected stop, as other stages cannot be told in time", why);
  }
  if (zero_stage > 0)
    throw_user("parallel.zero_stage = {} {}: expected 0, as old weights are kept whole", zero_stage, why);
}

std::vector<StepResult> training_stream(TrainingState& state, const StepContext& context,
                                        const std::vector<std::vector<MicroBatch>>& steps, const DataAxis& data,
                                        const StepSettings& settings, const StopWish& stop) {
  const std::vector<double> tokens = tokens_of_steps(context, steps, data, settings);
  const double loss_scale = state.loss_scale.value();
  std::vector<MicroBatch> micro_batches;
  std::vector<StreamStep> stream;
  std::vector<StepResult> results(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    micro_batches.insert(micro_batches.end(), steps[i].begin(), steps[i].end());
    stream.push_back({state.step + static_cast<int64_t>(i), loss_scale / tokens[i]});
    results[i].lr = learning_rate(settings.optimizer, state.updates + static_cast<int64_t>(i));
    results[i].loss_scale = loss_scale;
  }
  StepContext stage = context;
  stage.pipeline = nullptr;  // the norm of this stage alone
  std::vector<double> squares(steps.size());
  const auto update = [&](size_t i) {
    const Span span(context.timer, Region::optimizer);
    squares[i] = squared_gradient_norm(stage, data, *state.storage);
    if (!std::isfinite(squares[i])) return;
    state.optimizer->update(context.kernels, state.updates + static_cast<int64_t>(i) + 1, results[i].lr,
                            1 / loss_scale);
  };
  const std::vector<double> losses =
      run_stream(state.model, *state.storage, context, *context.pipeline, micro_batches, stream, data, update);
  std::vector<double> sums(steps.size() + 1);
  for (size_t n = 0; n < losses.size(); ++n) sums[n * steps.size() / losses.size()] += losses[n];
  sums.back() = stop() ? 1 : 0;
  sums = sum_over_ranks(data.ranks, context.pool, std::move(sums));
  sums = sum_over_ranks(*context.pipeline->ranks, context.pool, std::move(sums));
  squares = sum_over_ranks(*context.pipeline->ranks, context.pool, std::move(squares), "gradient norm");
  double stops = sums.back();
  if (context.tensor != nullptr) {
    stops = sum_over_ranks(*context.tensor, context.pool, {stops})[0];
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    results[i].step = state.step + static_cast<int64_t>(i) + 1;
    results[i].loss = sums[i] / tokens[i];
    results[i].gradient_norm = std::sqrt(squares[i]) / loss_scale;
    results[i].stop_requested = stops > 0;
    check_finite(results[i]);
  }
  state.step += static_cast<int64_t>(steps.size());
  state.updates += static_cast<int64_t>(steps.size());
  return results;
}

}  // namespace kumiko
