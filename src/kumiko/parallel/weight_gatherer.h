// Weights that are divided among ranks (ZeRO stage 3), brought together just before a visit reads them and forgotten
// after it. While one visit runs, the weights of the next are on their way: at any moment those of two visits are
// there.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "kumiko/model/model.h"
#include "kumiko/parallel/data_axis.h"
#include "kumiko/parallel/parameter_storage.h"
#include "kumiko/parallel/step_context.h"

namespace kumiko {

class WeightGatherer {
 public:
  // All must outlive it. Does nothing where weights are not divided.
  WeightGatherer(const DataAxis& data, const ParameterStorage& storage, Model& model, const StepContext& step);
  ~WeightGatherer();
  WeightGatherer(const WeightGatherer&) = delete;
  WeightGatherer& operator=(const WeightGatherer&) = delete;

  // What comes after the visits that were announced before.
  void announce(const std::vector<UnitVisit>& visits);
  // Around each visit, in the order announced.
  void before(const UnitVisit& visit);
  void after(const UnitVisit& visit);

 private:
  struct Gathered {
    Tensor weights;
    Event event;
  };

  void start(const std::vector<int>& units);
  void forget_all_but(const std::vector<int>& units);

  DataAxis data_;
  const ParameterStorage& storage_;
  Model& model_;
  const StepContext& step_;
  bool divided_;
  std::deque<UnitVisit> visits_;  // from the present one on
  std::map<int, Gathered> gathered_;
};

// The units that a step gathers, in order: the visits' weights, but for those that are still there from the visit
// before (the rule of WeightGatherer, as a pure function).
std::vector<int> gathers_of(const Model& model, const std::vector<UnitVisit>& visits);

// After an update: where weights are whole but the optimizer is divided (stages 1 and 2), every rank gets the others'
// shards. Blocks.
void gather_updated(const DataAxis& data, const ParameterStorage& storage, RegionTimer* timer);

}  // namespace kumiko
