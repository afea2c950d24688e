#include "kumiko/train/validated_step.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/optim/lr_schedule.h"
#include "kumiko/parallel/exact_reduce.h"
#include "kumiko/parallel/gradient_norm.h"
#include "kumiko/parallel/validated_pipeline.h"
#include "kumiko/train/step_parts.h"

namespace kumiko {
namespace {

constexpr std::string_view purpose = "validation of updates";

double norm_of(const StageSums& sums, double loss_scale) { return std::sqrt(sums.squares) / loss_scale; }

// Whether a step with these sums updates the weights with the gradient as it is.
bool allow_update(const StageSums& sums, double loss_scale, double clip_grad) {
  const double norm = norm_of(sums, loss_scale);
  return std::isfinite(sums.loss) && std::isfinite(norm) && clip_coefficient(norm, clip_grad) == 1;
}

struct RankSums {
  StageSums sums;
  ExactStageSums exact;  // in the reproducible mode
};

// What this rank's stages know of the step.
RankSums sums_of_stages(const StepContext& context, const DataAxis& data, const ParameterStorage& storage,
                        const std::vector<double>& losses, const StopWish& stop) {
  const Span span(context.timer, Region::gradient_all_reduce);
  const double local_loss = std::accumulate(losses.begin(), losses.end(), 0.0);
  const auto sums = sum_over_ranks(data.ranks, context.pool, {local_loss, stop() ? 1.0 : 0.0});
  RankSums own{{sums[0], 0, sums[1]}, {}};
  double& wishes = own.sums.stop_wishes;
  if (context.tensor != nullptr) wishes = sum_over_ranks(*context.tensor, context.pool, {wishes})[0];
  if (context.reproducible) {
    for (const double loss : losses) own.exact.loss.add(loss);
    own.exact.loss = add_exactly(own.exact.loss, {&data.ranks}, "loss", context.pool);
    own.exact.squares = exact_squared_norm_of_stages(context, data, storage);
    own.sums.squares = own.exact.squares.value();
  } else {
    own.sums.squares = squared_norm_of_stages(context, data, storage);
  }
  return own;
}

}  // namespace

void check_validated_steps(const PipelineOptions& pipeline, const Schedule* schedule) {
  if (schedule == nullptr) {
    throw_user(
        "parallel.post_validation = true with parallel.pipeline_model_parallel_size = {}: expected 2 or more, as there "
        "are no other stages that an update would wait for",
        pipeline.size);
  }
  if (!schedule->is_synchronous()) {
    throw_user(
        "parallel.post_validation = true with parallel.pipeline_schedule = {}: expected a synchronous one, as no stage "
        "waits for the others before it updates its weights with this one",
        pipeline.schedule);
  }
}

ValidatedSteps::ValidatedSteps(World& world, const Mesh& mesh, const Pipeline& pipeline, const TrainingState& state,
                               MemoryPool& pool)
    : ranks_(world.communicator(Axis::pipeline, mesh.group(world.rank(), Axis::pipeline))),
      warm_up_(warm_up_of(pipeline.schedule, ranks_->rank(), pipeline.program)) {
  if (is_last()) return;
  std::vector<Tensor> weights;
  for (const OwnedFragment& owned : state.storage->owned()) weights.push_back(owned.weight);
  copy_.emplace(std::move(weights), *state.optimizer, pool);
}

bool ValidatedSteps::early_updates_hold(const StageTable& stages, double loss_scale,
                                        const StepSettings& settings) const {
  const double clip_grad = settings.optimizer.clip_grad;
  for (int end = 1; end < ranks_->size(); ++end) {
    if (!allow_update(stages.before(end), loss_scale, clip_grad)) return false;
  }
  return allow_update(stages.total(), loss_scale, clip_grad);
}

bool ValidatedSteps::pending_update_holds(const StepContext& context, const StepSettings& settings) const {
  const Span span(context.timer, Region::pipeline_wait);
  pending_->arrives.wait();
  return early_updates_hold(pending_->stages, pending_->result.loss_scale, settings);
}

void ValidatedSteps::end_step(TrainingState& state, const StepContext& context, const DataAxis& data,
                              const StepSettings& settings, Pending pending) {
  const int rank = ranks_->rank();
  const double loss_scale = pending.result.loss_scale;
  // What is broadcast may arrive before what is known here has left.
  StageTable known = std::exchange(pending.stages, StageTable(context.pool, ranks_->size(), context.reproducible));
  if (is_last()) {
    pending.stages = known;
    pending.updated = early_updates_hold(known, loss_scale, settings);
  } else {
    pending.updated = allow_update(known.before(rank + 1), loss_scale, settings.optimizer.clip_grad);
    ranks_->send(known.tensor(), rank + 1, purpose);
  }
  pending.arrives = ranks_->broadcast(pending.stages.tensor(), ranks_->size() - 1, purpose);
  const Span span(context.timer, Region::optimizer);
  ++state.updates;
  if (pending.updated) {
    if (copy_) copy_->take();
    state.optimizer->update(context.kernels, state.updates, pending.result.lr, 1 / loss_scale);
    show_new_weights(state, data, context.kernels);
  }
  state.loss_scale.update(false);
  pending.result.step = ++state.step;
  pending_ = std::move(pending);
}

StepResult ValidatedSteps::conclude(TrainingState& state, const StepContext& context, const DataAxis& data,
                                    const StepSettings& settings) {
  const bool holds = pending_update_holds(context, settings);
  Pending pending = *std::exchange(pending_, std::nullopt);
  const StageSums total = pending.stages.total();
  pending.result.loss = total.loss / pending.tokens;
  pending.result.gradient_norm = norm_of(total, pending.result.loss_scale);
  pending.result.stop_requested = total.stop_wishes > 0;
  if (!holds) correct(state, context, data, settings, pending);
  return pending.result;
}

void ValidatedSteps::correct(TrainingState& state, const StepContext& context, const DataAxis& data,
                             const StepSettings& settings, Pending& pending) {
  const Span span(context.timer, Region::optimizer);
  ++num_corrected_;
  if (pending.updated) {
    state.storage->wait_for_weights();
    copy_->restore();
    const bool stay = !std::isfinite(pending.result.loss) || !std::isfinite(pending.result.gradient_norm);
    if (stay) show_new_weights(state, data, context.kernels);
  }
  --state.step;
  --state.updates;
  state.loss_scale = pending.loss_scale;
  update_weights(state, context, data, settings, pending.result);
  ++state.step;
}

std::optional<StepResult> ValidatedSteps::take(TrainingState& state, StepContext context,
                                               const std::vector<MicroBatch>& micro_batches, const DataAxis& data,
                                               const StepSettings& settings, const StopWish& stop) {
  const double tokens = loss_tokens(context, micro_batches, data.ranks, settings);
  std::optional<StepResult> before;
  std::optional<std::vector<double>> losses;
  while (!losses) {
    context.step = state.step;
    context.loss_scale = state.loss_scale.value() / tokens;
    losses = run_validated({state.model, *state.storage, context, warm_up_, micro_batches, data},
                           [&] { return !pending_ || pending_update_holds(context, settings); });
    if (pending_) before = conclude(state, context, data, settings);
  }
  {
    const Span span(context.timer, Region::gradient_all_reduce);
    sum_copies(context.pipeline, state.model, *state.storage, context.kernels);
  }
  const RankSums own = sums_of_stages(context, data, *state.storage, *losses, stop);
  StageTable stages(context.pool, ranks_->size(), context.reproducible);
  if (ranks_->rank() > 0) {
    const Span span(context.timer, Region::pipeline_wait);
    ranks_->receive(stages.tensor(), ranks_->rank() - 1, purpose).wait();
  }
  stages.put(ranks_->rank(), own.sums, own.exact);
  StepResult result;
  result.lr = learning_rate(settings.optimizer, state.updates);
  result.loss_scale = state.loss_scale.value();
  end_step(state, context, data, settings, {result, tokens, state.loss_scale, false, stages, {}});
  return before;
}

std::optional<StepResult> ValidatedSteps::settle(TrainingState& state, const StepContext& context, const DataAxis& data,
                                                 const StepSettings& settings) {
  if (!pending_) return std::nullopt;
  return conclude(state, context, data, settings);
}

}  // namespace kumiko
