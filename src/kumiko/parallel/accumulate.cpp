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
  // A shard of several chunks would be no run of tokens, and so no canonical blocks of them (model/canonical.h).
  if (step.reproducible && step.exchange.sequence_parallel) pass.exchange.num_chunks = 1;
  return pass;
}

int64_t num_loss_tokens(const MicroBatch& micro_batch) {
  const auto targets = micro_batch.targets.elements<int32_t>();
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

namespace {

// Weights come before a visit, gradients go after it: weight gradients are taken at once.
class StepVisits final : public VisitObserver {
 public:
  StepVisits(const Model& model, WeightGatherer& weights, GradientReducer& gradients)
      : model_(model), weights_(weights), gradients_(gradients) {}

  void before(const UnitVisit& visit) override {
    weights_.before(visit);
    for (const int unit : model_.gradients_added(visit)) {
      gradients_.open(unit, visit.direction == Direction::backward);
    }
  }
  void after(const UnitVisit& visit) override {
    weights_.after(visit);
    for (const int unit : model_.gradients_completed(visit)) gradients_.unit_ready(unit);
  }

 private:
  const Model& model_;
  WeightGatherer& weights_;
  GradientReducer& gradients_;
};

class WeightVisits final : public VisitObserver {
 public:
  explicit WeightVisits(WeightGatherer& weights) : weights_(weights) {}
  void before(const UnitVisit& visit) override { weights_.before(visit); }
  void after(const UnitVisit& visit) override { weights_.after(visit); }

 private:
  WeightGatherer& weights_;
};

}  // namespace

std::vector<double> accumulate_gradients(Model& model, const StepContext& step,
                                         const std::vector<MicroBatch>& micro_batches, WeightGatherer& weights,
                                         GradientReducer& gradients) {
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
