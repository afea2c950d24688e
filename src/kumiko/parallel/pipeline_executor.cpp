#include "kumiko/parallel/pipeline_executor.h"

#include <map>
#include <utility>

#include "kumiko/parallel/stage_messages.h"
#include "kumiko/parallel/step_visits.h"

namespace kumiko {
namespace {

// Where the micro-batch of an action goes through the embedding, seen from `rank`.
bool embedding_is_elsewhere(const Schedule& schedule, const Action& action, int rank) {
  return schedule.rank_of(0, action.micro_batch) != rank;
}

std::vector<UnitVisit> visits_of(const Model& model, const StepContext& step, const Action& action) {
  const ModelStage& stage = model.stage(action.stage);
  switch (action.kind) {
    case ActionKind::forward:
      return model.forward_visits(stage);
    case ActionKind::backward:
      return model.backward_visits(stage, step.recompute, Direction::input_gradient);
    case ActionKind::whole_backward:
      return model.backward_visits(stage, step.recompute, Direction::backward);
    case ActionKind::weight:
      return model.weight_visits(stage);
  }
  return {};
}

// [tokens of a rank, H] of one micro-batch.
Shape message_shape(const Model& model, const StepContext& step, const MicroBatch& micro_batch) {
  int64_t tokens = micro_batch.tokens.num_elements();
  if (step.tensor != nullptr && step.exchange.sequence_parallel) tokens /= step.tensor->size();
  return {tokens, model.options().hidden_size};
}

void check_micro_batches(const Pipeline& pipeline, const std::vector<MicroBatch>& micro_batches) {
  if (static_cast<int>(micro_batches.size()) == pipeline.schedule.num_micro_batches()) return;
  throw_internal("{} micro-batches for a schedule of {}", micro_batches.size(), pipeline.schedule.num_micro_batches());
}

// A micro-batch between its F and the end of its backward at one stage.
struct InFlight {
  InFlight(const StepContext& step, const MicroBatch& micro_batch) : pass(make_pass(step, micro_batch)) {}
  Stash stash;
  WeightWork weight_work{WeightWork::When::at_once};
  Pass pass;
};

class Execution {
 public:
  template <class Wanted>
  Execution(Model& model, const StepContext& step, const Pipeline& pipeline,
            const std::vector<MicroBatch>& micro_batches, Wanted wanted)
      : model_(model),
        step_(step),
        pipeline_(pipeline),
        micro_batches_(micro_batches),
        losses_(micro_batches.size()),
        messages_(pipeline, step, message_shape(model, step, micro_batches.at(0)), wanted) {}

  std::vector<double> take_losses() { return std::move(losses_); }

  void forward(const Action& action, Pass& pass) {
    Tensor x;
    if (action.stage > 0)
      x = messages_.take(MessageKind::activation, action.stage, action.micro_batch, rank_of(action, -1));
    const PhaseSpan phase(step_.timer, pass.training ? Phase::forward : Phase::evaluation, action.micro_batch);
    Tensor y = model_.forward_stage(pass, model_.stage(action.stage), std::exchange(x, {}));
    if (action.stage + 1 < pipeline_.schedule.num_stages()) {
      messages_.give(MessageKind::activation, action.stage + 1, action.micro_batch, std::move(y));
    } else {
      losses_[static_cast<size_t>(action.micro_batch)] = pass.loss_sum;
    }
  }

  void backward(const Action& action, Pass& pass) {
    Tensor gradient;
    if (action.stage + 1 < pipeline_.schedule.num_stages()) {
      gradient = messages_.take(MessageKind::gradient, action.stage, action.micro_batch, rank_of(action, 1));
    }
    const PhaseSpan phase(step_.timer, Phase::backward, action.micro_batch);
    gradient = model_.backward_stage(pass, model_.stage(action.stage), std::move(gradient));
    if (action.stage > 0) {
      messages_.give(MessageKind::gradient, action.stage - 1, action.micro_batch, std::move(gradient));
    }
  }

 private:
  int rank_of(const Action& action, int next) const {
    return pipeline_.schedule.rank_of(action.stage + next, action.micro_batch);
  }

  Model& model_;
  const StepContext& step_;
  const Pipeline& pipeline_;
  const std::vector<MicroBatch>& micro_batches_;
  std::vector<double> losses_;
  StageMessages messages_;
};

}  // namespace

std::vector<int64_t> pipeline_contributions(const Model& model, const StepContext& step, const Pipeline& pipeline) {
  std::vector<int64_t> counts(static_cast<size_t>(model.parameters().num_units()));
  for (const Action& action : pipeline.program.actions) {
    const bool elsewhere = embedding_is_elsewhere(pipeline.schedule, action, pipeline.ranks->rank());
    for (const UnitVisit& visit : visits_of(model, step, action)) {
      const auto units = elsewhere ? model.gradients_added(visit) : model.gradients_completed(visit);
      for (const int unit : units) ++counts[static_cast<size_t>(unit)];
    }
  }
  return counts;
}

std::vector<double> run_pipeline(Model& model, const StepContext& step, const Pipeline& pipeline,
                                 const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                 GradientReducer& gradients) {
  check_micro_batches(pipeline, micro_batches);
  for (const Action& action : pipeline.program.actions) weights.announce(visits_of(model, step, action));
  StepVisits visits(model, weights, gradients);
  Execution execution(model, step, pipeline, micro_batches, [](const Message&) { return true; });
  std::map<std::pair<int, int>, InFlight> in_flight;  // by stage and micro-batch
  for (const Action& action : pipeline.program.actions) {
    const std::pair key{action.stage, action.micro_batch};
    visits.set_head_completes_table(embedding_is_elsewhere(pipeline.schedule, action, pipeline.ranks->rank()));
    if (action.kind == ActionKind::forward) {
      InFlight& begun =
          in_flight.try_emplace(key, step, micro_batches[static_cast<size_t>(action.micro_batch)]).first->second;
      begun.pass.training = true;
      begun.pass.stash = &begun.stash;
      begun.pass.weight_work = &begun.weight_work;
      begun.pass.observer = &visits;
      execution.forward(action, begun.pass);
      continue;
    }
    InFlight& held = in_flight.at(key);
    if (action.kind == ActionKind::weight) {
      const PhaseSpan phase(step.timer, Phase::backward, action.micro_batch);
      model.weight_gradients(held.pass);
    } else {
      if (action.kind == ActionKind::backward) held.weight_work = WeightWork(WeightWork::When::later);
      execution.backward(action, held.pass);
    }
    if (action.kind != ActionKind::backward) in_flight.erase(key);
  }
  return execution.take_losses();
}

std::vector<double> evaluate_pipeline(Model& model, const StepContext& step, const Pipeline& pipeline,
                                      const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights) {
  check_micro_batches(pipeline, micro_batches);
  const auto is_forward = [](const Action& action) { return action.kind == ActionKind::forward; };
  for (const Action& action : pipeline.program.actions) {
    if (is_forward(action)) weights.announce(visits_of(model, step, action));
  }
  WeightVisits visits(weights);
  Execution execution(model, step, pipeline, micro_batches,
                      [](const Message& message) { return message.kind == MessageKind::activation; });
  for (const Action& action : pipeline.program.actions) {
    if (!is_forward(action)) continue;
    Pass pass = make_pass(step, micro_batches[static_cast<size_t>(action.micro_batch)]);
    pass.observer = &visits;
    execution.forward(action, pass);
  }
  return execution.take_losses();
}

}  // namespace kumiko
