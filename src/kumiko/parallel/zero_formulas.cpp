#include "kumiko/parallel/zero_formulas.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <set>

#include "kumiko/comm/algorithms.h"
#include "kumiko/parallel/shared_gradients.h"
#include "kumiko/parallel/weight_gatherer.h"

namespace kumiko {
namespace {

// Elements of whole units that are there for a while, as WeightGatherer and GradientReducer let them come and go.
class PassingUnits {
 public:
  // For the visits of a step.
  PassingUnits(const Model& model, const Sharding& sharding, std::vector<UnitVisit> visits)
      : model_(model), sharding_(sharding), visits_(std::move(visits)) {}

  // The weights of a visit and of the next.
  int64_t weights() const {
    int64_t peak = 0;
    for (size_t i = 0; i < visits_.size(); ++i) {
      const std::vector<int> now = model_.weights_read(visits_[i]);
      std::set<int> units(now.begin(), now.end());
      if (i + 1 < visits_.size()) {
        for (const int unit : model_.weights_read(visits_[i + 1])) units.insert(unit);
      }
      int64_t count = 0;
      for (const int unit : units) count += whole(unit);
      peak = std::max(peak, count);
    }
    return peak;
  }

  // The gradients that are being made, and those whose sum may be in flight.
  int64_t gradients() {
    for (const UnitVisit& visit : visits_) {
      for (const int unit : model_.gradients_added(visit)) open(unit, visit.direction != Direction::forward);
      for (const int unit : model_.gradients_completed(visit)) ready(unit);
    }
    return peak_;
  }

 private:
  int64_t whole(int unit) const { return whole_elements(model_.parameters(), sharding_, unit); }

  void hold(int64_t count) {
    held_ += count;
    peak_ = std::max(peak_, held_);
  }
  void open(int unit, bool may_overlap) {
    if (!open_.insert(unit).second) return;
    while (in_flight_.size() > (may_overlap ? 1 : 0)) {
      held_ -= in_flight_.front();
      in_flight_.pop_front();
    }
    hold(whole(unit));
  }
  void ready(int unit) {
    open_.erase(unit);
    const int64_t result = known_.insert(unit).second ? 0 : shard_elements(model_.parameters(), sharding_, unit);
    hold(result);
    in_flight_.push_back(whole(unit) + result);
  }

  const Model& model_;
  Sharding sharding_;
  std::vector<UnitVisit> visits_;
  std::set<int> open_;
  std::set<int> known_;  // whose shards hold sums already
  std::deque<int64_t> in_flight_;
  int64_t held_ = 0;
  int64_t peak_ = 0;
};

int64_t optimizer_elements(const ParameterRegistry& parameters, const Sharding& sharding) {
  int64_t count = 0;
  for (int unit = 0; unit < parameters.num_units(); ++unit) {
    for (const Fragment& fragment : fragments_of(parameters, sharding, unit)) count += padded_elements(fragment.count);
  }
  return count;
}

}  // namespace

void set_sharded_memory(StepMemory& memory, const Model& model, const StepMemoryShape& shape, const Sharding& sharding,
                        std::vector<UnitVisit> visits) {
  const auto element = static_cast<int64_t>(size_of(shape.weights));
  const int64_t shard = shard_elements(model.parameters(), sharding);
  PassingUnits passing(model, sharding, std::move(visits));
  const auto set = [&](MemoryPurpose purpose, int64_t elements) {
    int64_t& bytes = memory.peaks[static_cast<size_t>(purpose)];
    memory.peak += elements * element - bytes;
    bytes = elements * element;
  };
  set(MemoryPurpose::parameters, sharding.divides_weights() ? shard + passing.weights() : shard * sharding.size);
  const int64_t kept = sharding.divides_gradients() ? shard : shard * sharding.size;
  const bool in_tree = shape.tensor_parallel.reproducible() && shape.num_micro_batches > 1;
  const int64_t in_passing = sharding.divides_gradients() || in_tree ? passing.gradients() : 0;
  // The partial sums of a tree over micro-batches, at most.
  const int64_t partial_sums = in_tree ? shard * std::bit_width(static_cast<uint64_t>(shape.num_micro_batches - 1)) : 0;
  set(MemoryPurpose::gradients, kept + in_passing + partial_sums);
  set(MemoryPurpose::optimizer, shape.optimizer_states * optimizer_elements(model.parameters(), sharding));
}

StepMemory sharded_step_memory(const ModelOptions& model, const StepMemoryShape& shape, const Sharding& sharding) {
  StepMemory memory = step_memory(model, shape);
  const Model built(model, shape.tensor_parallel);
  std::vector<UnitVisit> visits;
  for (int64_t i = 0; i < shape.num_micro_batches; ++i) {
    const std::vector<UnitVisit> more = built.training_visits(shape.recompute);
    visits.insert(visits.end(), more.begin(), more.end());
  }
  set_sharded_memory(memory, built, shape, sharding, std::move(visits));
  return memory;
}

int64_t gradient_communication_memory(const ParameterRegistry& parameters, const Sharding& sharding, int64_t num_ranks,
                                      DType dtype) {
  int64_t whole = 0;
  int64_t shard = 0;
  int64_t most_shared = 0;
  int64_t all_shared = 0;
  for (int unit = 0; unit < parameters.num_units(); ++unit) {
    const int64_t shared = shared_elements(parameters, unit);
    all_shared += shared;
    most_shared = std::max(most_shared, shared);
    shard = std::max(shard, shard_elements(parameters, sharding, unit));
    whole = std::max(whole, whole_elements(parameters, sharding, unit));
  }
  const bool divided = sharding.divides_optimizer();
  const auto sum = [&](int64_t count, int64_t ranks) {
    return all_reduce_memory(count, dtype, static_cast<int>(ranks));
  };
  return sum(whole, divided ? sharding.size : num_ranks) + sum(shard, divided ? num_ranks / sharding.size : 1) +
         sum(most_shared, parameters.tensor_parallel().size) + all_shared * static_cast<int64_t>(size_of(dtype));
}

std::vector<TrafficRow> data_traffic(const Model& model, const DataTrafficShape& shape) {
  const ParameterRegistry& parameters = model.parameters();
  const Sharding& sharding = shape.sharding;
  const auto element = static_cast<int64_t>(size_of(shape.weights));
  std::vector<TrafficRow> rows;
  const auto add = [&](Axis axis, Verb verb, const char* purpose, int64_t calls, int64_t bytes) {
    if (calls > 0) rows.push_back({verb, axis, purpose, calls, bytes});
  };
  const int64_t units = parameters.num_units();
  const int64_t shards = shard_elements(parameters, sharding) * element;
  const int64_t whole = shards * sharding.size;
  const bool divided = sharding.divides_optimizer();
  const bool each = sharding.divides_gradients() || (shape.reproducible && shape.num_micro_batches > 1);
  const int64_t times = each ? shape.num_micro_batches : 1;
  const bool sums = shape.num_ranks > 1;
  add(Axis::data, divided ? Verb::reduce_scatter : Verb::all_reduce, "gradients", sums ? times * units : 0,
      times * whole);
  int64_t shared_units = 0;
  int64_t shared = 0;
  for (int unit = 0; unit < units; ++unit) {
    const int64_t count = parameters.tensor_parallel().size > 1 ? shared_elements(parameters, unit) : 0;
    shared += count;
    if (count > 0) ++shared_units;
  }
  add(Axis::tensor, Verb::all_reduce, "shared gradients", times * shared_units, times * shared * element);
  const bool groups = divided && shape.num_ranks > sharding.size;
  const int64_t group_times = shape.reproducible ? times : 1;
  add(Axis::data, Verb::all_reduce, "gradients between groups", groups ? group_times * units : 0, group_times * shards);
  if (sharding.divides_weights()) {
    std::vector<UnitVisit> visits;
    for (int64_t i = 0; i < shape.num_micro_batches; ++i) {
      const std::vector<UnitVisit> more = model.training_visits(shape.recompute);
      visits.insert(visits.end(), more.begin(), more.end());
    }
    const std::vector<int> gathers = gathers_of(model, visits);
    int64_t bytes = 0;
    for (const int unit : gathers) bytes += whole_elements(parameters, sharding, unit) * element;
    add(Axis::data, Verb::all_gather, "weights", static_cast<int64_t>(gathers.size()), bytes);
  } else if (divided) {
    add(Axis::data, Verb::all_gather, "weights", units, whole);
  }
  add(Axis::data, Verb::all_reduce, "loss", shape.loss_mask ? 2 : 1, shape.loss_mask ? 24 : 16);
  add(Axis::data, Verb::all_reduce, "gradient norm", divided ? 1 : 0, 8);
  return rows;
}

}  // namespace kumiko
