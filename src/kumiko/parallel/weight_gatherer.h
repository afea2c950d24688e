// Brings each visit the weights that it reads. Those that are divided among ranks (ZeRO stage 3) are brought together
// just before and forgotten after; while one visit runs, those of the next are on their way, so at any moment the
// weights of two visits are there. Those that are whole, but updated in shards (stages 1 and 2), are on their way since
// the update: the first visit of each unit waits for its own.
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
  // All must outlive it.
  WeightGatherer(const DataAxis& data, ParameterStorage& storage, Model& model, const StepContext& step);
  ~WeightGatherer();
  WeightGatherer(const WeightGatherer&) = delete;
  WeightGatherer& operator=(const WeightGatherer&) = delete;

  // What comes after the visits that were announced before.
  void announce(const std::vector<UnitVisit>& visits);
  // Around each visit, in the order announced.
  void before(const UnitVisit& visit);
  void after(const UnitVisit& visit);
  // Until nothing is on its way that divided weights are read for: they may be changed then.
  void wait() const;

 private:
  struct Gathered {
    Tensor weights;
    Event event;
  };

  void bring_together(const UnitVisit& visit);
  void start(const std::vector<int>& units);
  void forget_all_but(const std::vector<int>& units);

  DataAxis data_;
  ParameterStorage& storage_;
  Model& model_;
  const StepContext& step_;
  bool divided_;
  std::deque<UnitVisit> visits_;  // from the present one on
  std::map<int, Gathered> gathered_;
};

// The units that are gathered for these visits, in order: the rule of WeightGatherer, as a pure function.
std::vector<int> gathers_of(const Model& model, const std::vector<UnitVisit>& visits);

// After an update: where weights are whole but the optimizer is divided, starts to give every rank the others' shards.
void start_gathers(const DataAxis& data, ParameterStorage& storage);

}  // namespace kumiko
