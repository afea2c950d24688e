#include "kumiko/parallel/action_runner.h"

#include <chrono>
#include <thread>

#include "kumiko/base/clock.h"
#include "kumiko/parallel/action_record.h"
#include "kumiko/schedule/dependencies.h"

namespace kumiko {
namespace {

// [tokens of a rank, H] of one micro-batch.
Shape message_shape(const Model& model, const StepContext& step, const MicroBatch& micro_batch) {
  int64_t tokens = micro_batch.tokens.num_elements();
  if (step.tensor != nullptr && step.exchange.sequence_parallel) tokens /= step.tensor->size();
  return {tokens, model.options().hidden_size};
}

const std::vector<MicroBatch>& checked(const std::vector<MicroBatch>& micro_batches, const Pipeline& pipeline) {
  const auto expected = static_cast<size_t>(pipeline.schedule.num_micro_batches());
  if (micro_batches.size() == expected) return micro_batches;
  throw_internal("{} micro-batches for a schedule of {}", micro_batches.size(), expected);
}

}  // namespace

std::vector<UnitVisit> visits_of(const Model& model, const RecomputeOptions& recompute, const Action& action) {
  const ModelStage& stage = model.stage(action.stage);
  switch (action.kind) {
    case ActionKind::forward:
      return model.forward_visits(stage);
    case ActionKind::backward:
      return model.backward_visits(stage, recompute, Direction::input_gradient);
    case ActionKind::whole_backward:
      return model.backward_visits(stage, recompute, Direction::backward);
    case ActionKind::weight:
      return model.weight_visits(stage);
  }
  return {};
}

ActionRunner::ActionRunner(Model& model, const StepContext& step, const Pipeline& pipeline,
                           const std::vector<MicroBatch>& micro_batches, VisitObserver& observer, Purpose purpose,
                           const WarmUp* warm_up)
    : model_(model),
      step_(step),
      pipeline_(pipeline),
      micro_batches_(checked(micro_batches, pipeline)),
      observer_(observer),
      purpose_(purpose),
      losses_(micro_batches.size()),
      messages_(
          pipeline, step, message_shape(model, step, micro_batches.at(0)),
          [purpose](const Message& message) {
            return purpose == Purpose::training || message.kind == MessageKind::activation;
          },
          warm_up) {}

ActionRunner::InFlight& ActionRunner::begin(const Action& action) {
  InFlight& begun = in_flight_
                        .try_emplace({action.stage, action.micro_batch},
                                     make_pass(step_, micro_batches_[static_cast<size_t>(action.micro_batch)]))
                        .first->second;
  begun.pass.observer = &observer_;
  if (purpose_ == Purpose::evaluation) return begun;
  begun.pass.training = true;
  begun.pass.stash = &begun.stash;
  begun.pass.weight_work = &begun.weight_work;
  return begun;
}

Tensor ActionRunner::take(const Action& action) {
  const int from = input_stage(action, pipeline_.schedule.num_stages());
  if (from == no_stage) return {};
  const int rank = pipeline_.schedule.rank_of(from, action.micro_batch);
  return messages_.take(message_kind(action), action.stage, action.micro_batch, rank);
}

void ActionRunner::give(const Action& action, Tensor made) {
  const int to = output_stage(action, pipeline_.schedule.num_stages());
  if (to != no_stage) messages_.give(message_kind(action), to, action.micro_batch, std::move(made));
}

Tensor ActionRunner::compute(const Action& action, InFlight& held, Tensor taken) {
  const Phase phase = purpose_ == Purpose::evaluation      ? Phase::evaluation
                      : action.kind == ActionKind::forward ? Phase::forward
                                                           : Phase::backward;
  const PhaseSpan span(step_.timer, phase, action.micro_batch);
  const ModelStage& stage = model_.stage(action.stage);
  switch (action.kind) {
    case ActionKind::forward:
      taken = model_.forward_stage(held.pass, stage, std::move(taken));
      losses_[static_cast<size_t>(action.micro_batch)] += held.pass.loss_sum;
      return taken;
    case ActionKind::backward:
      held.weight_work = WeightWork(WeightWork::When::later);
      return model_.backward_stage(held.pass, stage, std::move(taken));
    case ActionKind::whole_backward:
      return model_.backward_stage(held.pass, stage, std::move(taken));
    case ActionKind::weight:
      model_.weight_gradients(held.pass);
      break;
  }
  return {};
}

int64_t ActionRunner::held_bytes() const {
  return step_.pool.use(MemoryPurpose::stash).current + step_.pool.use(MemoryPurpose::workspace).current -
         messages_.waiting_bytes();
}

// Until the action has taken as long as it is to seem.
void ActionRunner::hold_back(double until) const {
  const double left = until - seconds_now();
  if (left > 0) std::this_thread::sleep_for(std::chrono::duration<double>(left));
}

std::vector<double> ActionRunner::finish() {
  const Span span(step_.timer, Region::pipeline_wait);
  messages_.finish();
  return std::move(losses_);
}

void ActionRunner::run(const Action& action) {
  const bool forward = action.kind == ActionKind::forward;
  InFlight& held = forward ? begin(action) : in_flight_.at({action.stage, action.micro_batch});
  Tensor taken = take(action);
  const double began = seconds_now();
  Tensor made = compute(action, held, std::move(taken));
  if (step_.emulated_times != nullptr) hold_back(began + time_of(action.kind, *step_.emulated_times));
  const double ended = seconds_now();
  const int64_t leaves = made ? static_cast<int64_t>(made.num_bytes()) : 0;
  const auto in_flight = static_cast<int64_t>(in_flight_.size());
  const bool ends = purpose_ == Purpose::evaluation || makes_weight_gradient(action.kind);
  if (ends) in_flight_.erase({action.stage, action.micro_batch});
  if (step_.action_records != nullptr)
    step_.action_records->push_back({{began, ended}, held_bytes() - leaves, in_flight});
  give(action, std::move(made));
}

}  // namespace kumiko
