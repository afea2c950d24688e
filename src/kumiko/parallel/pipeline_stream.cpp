#include "kumiko/parallel/pipeline_stream.h"

#include <optional>

#include "kumiko/parallel/action_runner.h"
#include "kumiko/parallel/weight_stash.h"

namespace kumiko {
namespace {

// The gradients of one step after another.
class StreamVisits final : public VisitObserver {
 public:
  StreamVisits(const Model& model, const DataAxis& data, const ParameterStorage& storage, const StepContext& step,
               int64_t micro_batches_per_step)
      : model_(model),
        data_(data),
        storage_(storage),
        step_(step),
        contributions_(static_cast<size_t>(storage.parameters().num_units()), micro_batches_per_step) {
    begin_step();
  }

  void before(const UnitVisit&) override {}
  void after(const UnitVisit& visit) override {
    for (const int unit : model_.gradients_completed(visit)) gradients_->unit_ready(unit);
  }
  void begin_step() { gradients_.emplace(data_, storage_, step_, contributions_); }
  void end_step() {
    const Span span(step_.timer, Region::gradient_all_reduce);
    gradients_->wait();
  }

 private:
  const Model& model_;
  const DataAxis& data_;
  const ParameterStorage& storage_;
  const StepContext& step_;
  std::vector<int64_t> contributions_;
  std::optional<GradientReducer> gradients_;
};

}  // namespace

std::vector<double> run_stream(Model& model, ParameterStorage& storage, StepContext step, const Pipeline& pipeline,
                               const std::vector<MicroBatch>& micro_batches, const std::vector<StreamStep>& steps,
                               const DataAxis& data, const std::function<void(size_t step)>& update) {
  const auto per_step = static_cast<int64_t>(pipeline.schedule.micro_batches_per_update);
  StreamVisits visits(model, data, storage, step, per_step);
  ActionRunner runner(model, step, pipeline, micro_batches, visits, ActionRunner::Purpose::training);
  WeightStash weights(model, storage, step.kernels, pipeline.program);
  const std::vector<Action>& actions = pipeline.program.actions;
  for (size_t i = 0; i < actions.size(); ++i) {
    const auto index = static_cast<size_t>(actions[i].micro_batch / per_step);
    step.step = steps.at(index).step;
    step.loss_scale = steps[index].loss_scale;
    weights.place(actions[i].weight_version);
    runner.run(actions[i]);
    if (!pipeline.program.completes_gradients[i]) continue;
    visits.end_step();
    weights.before_update(i);
    update(index);
    weights.after_update(i);
    visits.begin_step();
  }
  return runner.finish();
}

}  // namespace kumiko
