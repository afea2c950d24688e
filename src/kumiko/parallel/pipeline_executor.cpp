#include "kumiko/parallel/pipeline_executor.h"

#include "kumiko/parallel/action_runner.h"

namespace kumiko {

bool embedding_is_elsewhere(const Pipeline& pipeline, const Action& action) {
  return pipeline.schedule.rank_of(0, action.micro_batch) != pipeline.ranks->rank();
}

std::vector<int64_t> pipeline_contributions(const Model& model, const StepContext& step, const Pipeline& pipeline) {
  std::vector<int64_t> counts(static_cast<size_t>(model.parameters().num_units()));
  for (const Action& action : pipeline.program.actions) {
    const bool elsewhere = embedding_is_elsewhere(pipeline, action);
    for (const UnitVisit& visit : visits_of(model, step.recompute, action)) {
      const auto units = elsewhere ? model.gradients_added(visit) : model.gradients_completed(visit);
      for (const int unit : units) ++counts[static_cast<size_t>(unit)];
    }
  }
  return counts;
}

std::vector<double> run_pipeline(Model& model, const StepContext& step, const Pipeline& pipeline,
                                 const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                 GradientReducer& gradients) {
  for (const Action& action : pipeline.program.actions) weights.announce(visits_of(model, step.recompute, action));
  StepVisits visits(model, weights, gradients);
  ActionRunner runner(model, step, pipeline, micro_batches, visits, ActionRunner::Purpose::training);
  for (const Action& action : pipeline.program.actions) {
    visits.set_head_completes_table(embedding_is_elsewhere(pipeline, action));
    runner.run(action);
  }
  return runner.finish();
}

std::vector<double> evaluate_pipeline(Model& model, const StepContext& step, const Pipeline& pipeline,
                                      const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights) {
  std::vector<Action> actions;
  for (const Action& action : pipeline.program.actions) {
    if (action.kind == ActionKind::forward) actions.push_back(action);
  }
  for (const Action& action : actions) weights.announce(visits_of(model, step.recompute, action));
  WeightVisits visits(weights);
  ActionRunner runner(model, step, pipeline, micro_batches, visits, ActionRunner::Purpose::evaluation);
  for (const Action& action : actions) runner.run(action);
  return runner.finish();
}

}  // namespace kumiko
