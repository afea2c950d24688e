// What is told of the visits of a step's passes: weights come before a visit, gradients go after it.
#pragma once

#include "kumiko/model/model.h"
#include "kumiko/parallel/gradient_reducer.h"
#include "kumiko/parallel/weight_gatherer.h"

namespace kumiko {

// Of a training step.
class StepVisits final : public VisitObserver {
 public:
  StepVisits(const Model& model, WeightGatherer& weights, GradientReducer& gradients)
      : model_(model), weights_(weights), gradients_(gradients) {}

  // Whether the head's visits complete the gradient of a table that it shares with the embedding: where the micro-batch
  // goes through an embedding on another rank.
  void set_head_completes_table(bool completes) { head_completes_table_ = completes; }
  // The units of parameters whose gradients of the micro-batch are complete after the visit.
  std::vector<int> completed(const UnitVisit& visit) const {
    return head_completes_table_ ? model_.gradients_added(visit) : model_.gradients_completed(visit);
  }

  void before(const UnitVisit& visit) override {
    weights_.before(visit);
    for (const int unit : model_.gradients_added(visit)) {
      gradients_.open(unit, visit.direction != Direction::forward);
    }
  }
  void after(const UnitVisit& visit) override {
    weights_.after(visit);
    for (const int unit : completed(visit)) gradients_.unit_ready(unit);
  }

 private:
  const Model& model_;
  WeightGatherer& weights_;
  GradientReducer& gradients_;
  bool head_completes_table_ = false;
};

// Of an evaluation.
class WeightVisits final : public VisitObserver {
 public:
  explicit WeightVisits(WeightGatherer& weights) : weights_(weights) {}
  void before(const UnitVisit& visit) override { weights_.before(visit); }
  void after(const UnitVisit& visit) override { weights_.after(visit); }

 private:
  WeightGatherer& weights_;
};

}  // namespace kumiko
