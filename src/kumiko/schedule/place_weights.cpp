#include <algorithm>
#include <deque>
#include <utility>

#include "kumiko/schedule/dependencies.h"
#include "kumiko/schedule/list_schedule.h"

namespace kumiko {
namespace {

constexpr double unknown_time = -1;

// Lets each rank run on until it needs what another has not made yet; the time that it would have to wait is known
// whenever it decides on a W.
class WeightPlacement {
 public:
  WeightPlacement(const Schedule& order, const ScheduleCosts& costs, const std::vector<double>& limits, WeightRule rule)
      : order_(order), costs_(costs), limits_(limits), rule_(rule), part_(1.0 / order.parts_per_micro_batch) {
    const size_t size = static_cast<size_t>(order.num_stages()) * order.routes.size();
    forward_ends_.assign(size, unknown_time);
    backward_ends_.assign(size, unknown_time);
    for (const StageTimes& times : costs.times) rounding_ = std::max(rounding_, 1e-9 * times.total());
    ranks_.resize(order.actions.size());
  }

  std::optional<Schedule> run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (size_t rank = 0; rank < ranks_.size(); ++rank) moved = advance(rank) || moved;
      if (out_of_memory_) return std::nullopt;
    }
    Schedule schedule = empty_schedule(order_.name, order_.placement, order_.num_micro_batches());
    schedule.routes = order_.routes;
    schedule.parts_per_micro_batch = order_.parts_per_micro_batch;
    for (size_t rank = 0; rank < ranks_.size(); ++rank) {
      if (ranks_[rank].next < order_.actions[rank].size()) return std::nullopt;
      while (!ranks_[rank].pending.empty()) weight(ranks_[rank]);
      schedule.actions[rank] = std::move(ranks_[rank].actions);
    }
    return schedule;
  }

 private:
  struct Rank {
    std::vector<Action> actions;
    std::deque<Action> pending;  // W
    size_t next = 0;
    double end = 0;
    double memory = 0;
    double bubble = 0;
  };

  size_t index(int stage, int micro_batch) const {
    return static_cast<size_t>(stage) * order_.routes.size() + static_cast<size_t>(micro_batch);
  }
  const StageTimes& times(const Action& action) const { return costs_.times[static_cast<size_t>(action.stage)]; }
  const StageMemory& memory(const Action& action) const { return costs_.memory[static_cast<size_t>(action.stage)]; }

  // When the input of an F or B is there; `unknown_time` while that is not known.
  double ready(const Action& action, int rank) const {
    const bool forward = action.kind == ActionKind::forward;
    const int stage = input_stage(action, order_.num_stages());
    if (stage == no_stage) return 0;
    const double end = (forward ? forward_ends_ : backward_ends_)[index(stage, action.micro_batch)];
    if (end == unknown_time) return unknown_time;
    return end + (order_.rank_of(stage, action.micro_batch) == rank ? 0 : costs_.transfer);
  }

  bool advance(size_t index_of_rank) {
    Rank& rank = ranks_[index_of_rank];
    const std::vector<Action>& order = order_.actions[index_of_rank];
    const size_t first = rank.next;
    for (; rank.next < order.size(); ++rank.next) {
      const Action& action = order[rank.next];
      if (action.kind == ActionKind::weight) continue;
      const double begin = ready(action, static_cast<int>(index_of_rank));
      if (begin == unknown_time || !make_room(rank, action, limits_[index_of_rank])) break;
      fill(rank, begin);
      run(rank, action, begin);
    }
    return rank.next > first;
  }

  bool make_room(Rank& rank, const Action& action, double limit) {
    if (action.kind != ActionKind::forward) return true;
    while (rank.memory + part_ * memory(action).activations > limit * (1 + 1e-9)) {
      if (rank.pending.empty()) {
        out_of_memory_ = true;
        return false;
      }
      weight(rank);
    }
    return true;
  }

  void fill(Rank& rank, double until) {
    const auto fits = [&] { return rank.end + part_ * times(rank.pending.front()).weight <= until + rounding_; };
    while (!rank.pending.empty() && fits()) weight(rank);
    const double gap = until - rank.end;
    if (rank.pending.empty() || gap <= rounding_ || rule_ == WeightRule::fits) return;
    if (rule_ == WeightRule::always || rank.bubble + gap > largest_bubble_) weight(rank);
  }

  void run(Rank& rank, const Action& action, double ready) {
    if (!rank.actions.empty()) rank.bubble += std::max(0.0, ready - rank.end);
    largest_bubble_ = std::max(largest_bubble_, rank.bubble);
    const double begin = std::max(rank.end, ready);
    if (action.kind == ActionKind::forward) {
      rank.actions.push_back(action);
      rank.end = begin + part_ * times(action).forward;
      rank.memory += part_ * memory(action).activations;
      forward_ends_[index(action.stage, action.micro_batch)] = rank.end;
      return;
    }
    rank.actions.push_back({ActionKind::backward, action.stage, action.micro_batch});
    rank.pending.push_back({ActionKind::weight, action.stage, action.micro_batch});
    rank.end = begin + part_ * times(action).backward;
    rank.memory += part_ * (memory(action).after_backward - memory(action).activations);
    backward_ends_[index(action.stage, action.micro_batch)] = rank.end;
  }

  void weight(Rank& rank) {
    const Action action = rank.pending.front();
    rank.pending.pop_front();
    rank.actions.push_back(action);
    rank.end += part_ * times(action).weight;
    rank.memory -= part_ * memory(action).after_backward;
  }

  const Schedule& order_;
  const ScheduleCosts& costs_;
  const std::vector<double>& limits_;
  WeightRule rule_;
  double part_;
  double rounding_ = 0;
  std::vector<double> forward_ends_;  // [stage][micro-batch]
  std::vector<double> backward_ends_;
  std::vector<Rank> ranks_;
  double largest_bubble_ = 0;
  bool out_of_memory_ = false;
};

}  // namespace

std::vector<double> memory_limits(const StagePlacement& placement, const ScheduleCosts& costs, double limit) {
  std::vector<double> limits(static_cast<size_t>(placement.num_ranks()));
  for (int route = 0; route < placement.num_routes(); ++route) {
    std::vector<double> held(limits.size());
    for (int stage = 0; stage < placement.num_stages(); ++stage)
      held[static_cast<size_t>(placement.rank_of(route, stage))] +=
          costs.memory[static_cast<size_t>(stage)].activations;
    for (size_t rank = 0; rank < limits.size(); ++rank) limits[rank] = std::max(limits[rank], limit * held[rank]);
  }
  return limits;
}

std::optional<Schedule> place_weights(const Schedule& order, const ScheduleCosts& costs,
                                      const std::vector<double>& limits, WeightRule rule) {
  return WeightPlacement(order, costs, limits, rule).run();
}

}  // namespace kumiko
