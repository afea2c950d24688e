#include "kumiko/parallel/validated_pipeline.h"

#include "kumiko/parallel/action_record.h"
#include "kumiko/parallel/action_runner.h"
#include "kumiko/parallel/pipeline_executor.h"

namespace kumiko {
namespace {

// The visits of a step whose gradients get their place only after its warm-up: until then, the place holds those of the
// step before.
class ValidatedVisits final : public VisitObserver {
 public:
  ValidatedVisits(const ValidatedPass& pass, WeightGatherer& weights) : pass_(pass), weights_(weights) {}

  void begin_gradients() {
    gradients_.emplace(pass_.data, pass_.storage, pass_.step,
                       pipeline_contributions(pass_.model, pass_.step, *pass_.step.pipeline));
    visits_.emplace(pass_.model, weights_, *gradients_);
  }
  void set_head_completes_table(bool completes) { visits_->set_head_completes_table(completes); }
  void wait_for_gradients() {
    const Span span(pass_.step.timer, Region::gradient_all_reduce);
    gradients_->wait();
  }

  void before(const UnitVisit& visit) override {
    if (visits_) return visits_->before(visit);
    weights_.before(visit);
  }
  void after(const UnitVisit& visit) override {
    if (visits_) return visits_->after(visit);
    weights_.after(visit);
  }

 private:
  const ValidatedPass& pass_;
  WeightGatherer& weights_;
  std::optional<GradientReducer> gradients_;
  std::optional<StepVisits> visits_;
};

}  // namespace

std::optional<std::vector<double>> run_validated(const ValidatedPass& pass, const std::function<bool()>& weights_hold) {
  const Pipeline& pipeline = *pass.step.pipeline;
  const std::vector<Action>& actions = pipeline.program.actions;
  std::vector<ActionRecord>* const records = pass.step.action_records;
  WeightGatherer weights(pass.data, pass.storage, pass.model, pass.step);
  for (const Action& action : actions) weights.announce(visits_of(pass.model, pass.step.recompute, action));
  ValidatedVisits visits(pass, weights);
  ActionRunner runner(pass.model, pass.step, pipeline, pass.micro_batches, visits, ActionRunner::Purpose::training,
                      &pass.warm_up);
  for (size_t i = 0; i < pass.warm_up.num_actions; ++i) runner.run(actions[i]);
  if (!weights_hold()) {
    runner.drop_warm_up();
    if (records != nullptr) records->resize(records->size() - pass.warm_up.num_actions);
    weights.wait();
    return std::nullopt;
  }
  runner.end_warm_up();
  visits.begin_gradients();
  for (size_t i = pass.warm_up.num_actions; i < actions.size(); ++i) {
    visits.set_head_completes_table(embedding_is_elsewhere(pipeline, actions[i]));
    runner.run(actions[i]);
  }
  visits.wait_for_gradients();
  return runner.finish();
}

}  // namespace kumiko
