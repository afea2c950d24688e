#include "kumiko/parallel/weight_gatherer.h"

#include <algorithm>

namespace kumiko {
namespace {

constexpr std::string_view purpose = "weights";

bool holds(const std::vector<int>& units, int unit) {
  return std::find(units.begin(), units.end(), unit) != units.end();
}

}  // namespace

WeightGatherer::WeightGatherer(const DataAxis& data, ParameterStorage& storage, Model& model, const StepContext& step)
    : data_(data), storage_(storage), model_(model), step_(step), divided_(storage.sharding().divides_weights()) {}

WeightGatherer::~WeightGatherer() {
  for (const auto& [unit, gathered] : gathered_) storage_.parameters().place_values(unit, {});
}

void WeightGatherer::announce(const std::vector<UnitVisit>& visits) {
  if (divided_) visits_.insert(visits_.end(), visits.begin(), visits.end());
}

void WeightGatherer::start(const std::vector<int>& units) {
  for (const int unit : units) {
    if (gathered_.contains(unit)) continue;
    const Tensor whole = storage_.make_whole(unit, MemoryPurpose::parameters);
    gathered_[unit] = {whole, data_.weights->all_gather(storage_.weight_shard(unit), whole, purpose)};
  }
}

void WeightGatherer::forget_all_but(const std::vector<int>& units) {
  std::erase_if(gathered_, [&](const auto& entry) {
    const bool gone = !holds(units, entry.first);
    if (gone) storage_.parameters().place_values(entry.first, {});
    return gone;
  });
}

void WeightGatherer::before(const UnitVisit& visit) {
  if (divided_) return bring_together(visit);
  bool arrived = false;
  for (const int unit : model_.weights_read(visit)) {
    if (!storage_.has_new_weights(unit)) continue;
    const Span span(step_.timer, Region::weight_gather);
    storage_.wait_for_weights(unit);
    arrived = true;
  }
  if (arrived && model_.reads_prepared(visit)) model_.units()[static_cast<size_t>(visit.unit)]->prepare(step_.kernels);
}

void WeightGatherer::bring_together(const UnitVisit& visit) {
  if (visits_.empty() || visits_.front() != visit) {
    throw_internal("unit {} is visited without having been announced", visit.unit);
  }
  std::vector<int> wanted = model_.weights_read(visit);
  start(wanted);
  for (const int unit : wanted) {
    const Span span(step_.timer, Region::weight_gather);
    const Gathered& gathered = gathered_.at(unit);
    gathered.event.wait();
    storage_.parameters().place_values(unit, gathered.weights);
  }
  if (model_.reads_prepared(visit)) model_.units()[static_cast<size_t>(visit.unit)]->prepare(step_.kernels);
  visits_.pop_front();
  const std::vector<int> soon = visits_.empty() ? std::vector<int>{} : model_.weights_read(visits_.front());
  wanted.insert(wanted.end(), soon.begin(), soon.end());
  forget_all_but(wanted);
  start(soon);
}

void WeightGatherer::after(const UnitVisit& visit) {
  if (divided_) model_.units()[static_cast<size_t>(visit.unit)]->release();
}

void WeightGatherer::wait() const {
  for (const auto& [unit, gathered] : gathered_) gathered.event.wait();
}

std::vector<int> gathers_of(const Model& model, const std::vector<UnitVisit>& visits) {
  std::vector<int> gathers;
  std::vector<int> there;
  const auto gather = [&](const std::vector<int>& units) {
    for (const int unit : units) {
      if (holds(there, unit)) continue;
      gathers.push_back(unit);
      there.push_back(unit);
    }
  };
  for (size_t i = 0; i < visits.size(); ++i) {
    const std::vector<int> now = model.weights_read(visits[i]);
    const std::vector<int> next = i + 1 < visits.size() ? model.weights_read(visits[i + 1]) : std::vector<int>{};
    gather(now);
    std::erase_if(there, [&](int unit) { return !holds(now, unit) && !holds(next, unit); });
    gather(next);
  }
  return gathers;
}

void start_gathers(const DataAxis& data, ParameterStorage& storage) {
  if (!storage.sharding().divides_optimizer() || storage.sharding().divides_weights()) return;
  for (int unit = 0; unit < storage.parameters().num_units(); ++unit) {
    storage.weights_arrive(unit, data.weights->all_gather(storage.weight_shard(unit), storage.weights(unit), purpose));
  }
}

}  // namespace kumiko
