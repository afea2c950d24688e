// Runs the actions of a pipeline's program one by one: what each takes from other stages, the model's share of it, and
// what it gives them. Which action comes when is its caller's business (pipeline_executor.h, pipeline_stream.h).
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "kumiko/parallel/micro_batch.h"
#include "kumiko/parallel/stage_messages.h"
#include "kumiko/parallel/step_visits.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {

// The visits that an action makes, in order.
std::vector<UnitVisit> visits_of(const Model& model, const RecomputeOptions& recompute, const Action& action);

class ActionRunner {
 public:
  enum class Purpose : uint8_t { training, evaluation };  // an evaluation has F alone
  // For the micro-batches of the schedule. All must outlive it; what changes in `step` holds for the passes that begin
  // after it.
  ActionRunner(Model& model, const StepContext& step, const Pipeline& pipeline,
               const std::vector<MicroBatch>& micro_batches, VisitObserver& observer, Purpose purpose,
               const WarmUp* warm_up = nullptr);

  void run(const Action& action);
  // With a warm-up, between its actions and the others: one of these (StageMessages). After the second there are none.
  void end_warm_up() { messages_.end_warm_up(); }
  void drop_warm_up() { messages_.drop_warm_up(); }
  // Waits until all messages have left. The sum of the losses of each micro-batch's tokens, 0 where another rank has
  // its head.
  std::vector<double> finish();

 private:
  // A micro-batch between its F and the end of its backward at one stage.
  struct InFlight {
    explicit InFlight(Pass begun) : pass(std::move(begun)) {}
    Stash stash;
    WeightWork weight_work{WeightWork::When::at_once};
    Pass pass;
  };

  InFlight& begin(const Action& action);
  Tensor take(const Action& action);
  // The action's arithmetic alone; what it hands on, if anything.
  Tensor compute(const Action& action, InFlight& held, Tensor taken);
  void give(const Action& action, Tensor made);
  int64_t held_bytes() const;
  void hold_back(double until) const;

  Model& model_;
  const StepContext& step_;
  const Pipeline& pipeline_;
  const std::vector<MicroBatch>& micro_batches_;
  VisitObserver& observer_;
  Purpose purpose_;
  std::vector<double> losses_;
  StageMessages messages_;
  std::map<std::pair<int, int>, InFlight> in_flight_;  // by stage and micro-batch
};

}  // namespace kumiko
