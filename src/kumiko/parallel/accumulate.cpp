#include "kumiko/parallel/accumulate.h"

#include "kumiko/parallel/pipeline_executor.h"
#include "kumiko/parallel/step_visits.h"

namespace kumiko {

std::vector<int64_t> gradient_contributions(const Model& model, const StepContext& step, int64_t num_micro_batches) {
  if (step.pipeline != nullptr) return pipeline_contributions(model, step, *step.pipeline);
  return std::vector<int64_t>(static_cast<size_t>(model.parameters().num_units()), num_micro_batches);
}

std::vector<double> accumulate_gradients(Model& model, const StepContext& step,
                                         const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                         GradientReducer& gradients) {
  if (step.pipeline != nullptr) return run_pipeline(model, step, *step.pipeline, micro_batches, weights, gradients);
  for (size_t i = 0; i < micro_batches.size(); ++i) weights.announce(model.training_visits(step.recompute));
  StepVisits visits(model, weights, gradients);
  std::vector<double> losses;
  for (size_t i = 0; i < micro_batches.size(); ++i) {
    Stash stash;
    WeightWork weight_work(WeightWork::When::at_once);
    Pass pass = make_pass(step, micro_batches[i]);
    pass.training = true;
    pass.stash = &stash;
    pass.weight_work = &weight_work;
    pass.observer = &visits;
    {
      const PhaseSpan phase(step.timer, Phase::forward, static_cast<int64_t>(i));
      model.forward(pass);
    }
    losses.push_back(pass.loss_sum);
    const PhaseSpan phase(step.timer, Phase::backward, static_cast<int64_t>(i));
    model.backward(pass);
  }
  return losses;
}

std::vector<double> evaluate_loss(Model& model, const StepContext& step, const std::vector<MicroBatch>& micro_batches,
                                  WeightGatherer& weights) {
  if (step.pipeline != nullptr) return evaluate_pipeline(model, step, *step.pipeline, micro_batches, weights);
  const PhaseSpan phase(step.timer, Phase::evaluation);
  for (size_t i = 0; i < micro_batches.size(); ++i) weights.announce(model.forward_visits());
  WeightVisits visits(weights);
  std::vector<double> losses;
  for (const MicroBatch& micro_batch : micro_batches) {
    Pass pass = make_pass(step, micro_batch);
    pass.observer = &visits;
    model.forward(pass);
    losses.push_back(pass.loss_sum);
  }
  return losses;
}

}  // namespace kumiko
