#include "kumiko/schedule/lower_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kumiko {
namespace {

constexpr double unlimited = std::numeric_limits<double>::infinity();

// The most time that actions take of which each adds `memory` to what is held, up to `limit`.
double most_time(double limit, double memory, double time) {
  return memory <= 0 ? unlimited : std::floor(limit / memory * (1 + 1e-9)) * time;
}

class Bound {
 public:
  Bound(const Schedule& form, const ScheduleCosts& costs, const std::vector<double>& limits)
      : placement_(form.placement),
        limits_(limits),
        transfer_(costs.transfer),
        count_(form.num_micro_batches()),
        times_(costs.times),
        memory_(costs.memory) {
    const double part = 1.0 / form.parts_per_micro_batch;
    for (StageTimes& times : times_) times = {times.forward * part, times.backward * part, times.weight * part};
    for (StageMemory& memory : memory_)
      memory = {memory.activations * part, std::min(memory.activations, memory.after_backward) * part};
  }

  double one_route() const {
    double bound = 0;
    for (int rank = 0; rank < placement_.num_ranks(); ++rank) {
      const std::vector<int> stages = placement_.stages_of(rank);
      bound = std::max({bound, work(stages) + idle(rank), memory_time(0, rank) / limit(rank)});
      for (int first = 0; first < stages.front(); ++first) bound = std::max(bound, behind(first, rank, stages.front()));
    }
    return bound;
  }

  double several_routes() const {
    double all = 0;
    for (const StageTimes& times : times_) all += count_ * times.total();
    for (int rank = 0; rank < placement_.num_ranks(); ++rank) all += idle(rank);
    double held = unlimited;
    for (int route = 0; route < placement_.num_routes(); ++route) {
      double of_route = 0;
      for (int rank = 0; rank < placement_.num_ranks(); ++rank) of_route += memory_time(route, rank);
      held = std::min(held, of_route);
    }
    return std::max(all / placement_.num_ranks(), held / std::accumulate(limits_.begin(), limits_.end(), 0.0));
  }

 private:
  double limit(int rank) const { return limits_[static_cast<size_t>(rank)]; }
  const StageTimes& times(int stage) const { return times_[static_cast<size_t>(stage)]; }
  const StageMemory& memory(int stage) const { return memory_[static_cast<size_t>(stage)]; }

  std::vector<int> stages_on(int route, int rank) const {
    std::vector<int> stages;
    for (int stage = 0; stage < placement_.num_stages(); ++stage) {
      if (placement_.rank_of(route, stage) == rank) stages.push_back(stage);
    }
    return stages;
  }

  double work(const std::vector<int>& stages) const {
    double sum = 0;
    for (const int stage : stages) sum += count_ * times(stage).total();
    return sum;
  }

  // Messages from stage `first` to stage `last` of a route.
  double messages(int route, int first, int last) const {
    double sum = 0;
    for (int stage = first; stage < last; ++stage) {
      if (placement_.rank_of(route, stage) != placement_.rank_of(route, stage + 1)) sum += transfer_;
    }
    return sum;
  }

  // From the beginning of F at stage `first` until B at stage `last`, not before `first`, may begin.
  double there_and_back(int route, int first, int last) const {
    const int end = placement_.num_stages() - 1;
    double sum = messages(route, first, end) + messages(route, last, end);
    for (int stage = first; stage <= end; ++stage) sum += times(stage).forward;
    for (int stage = last + 1; stage <= end; ++stage) sum += times(stage).backward;
    return sum;
  }

  // Before the rank's first B.
  double idle(int rank) const {
    double wait = unlimited;
    double forwards_that_fit = 0;
    double forwards = 0;
    for (int route = 0; route < placement_.num_routes(); ++route) {
      const std::vector<int> stages = stages_on(route, rank);
      if (stages.empty()) continue;
      wait = std::min(wait, there_and_back(route, stages.front(), stages.back()));
      double of_route = 0;
      for (const int stage : stages) {
        const double longest =
            memory(stage).activations <= 0 ? unlimited : limit(rank) / memory(stage).activations * times(stage).forward;
        forwards_that_fit = std::max(forwards_that_fit, longest * (1 + 1e-9));
        of_route += count_ * times(stage).forward;
      }
      if (stages.size() == 1 && placement_.num_routes() == 1)
        forwards_that_fit = most_time(limit(rank), memory(stages[0]).activations, times(stages[0]).forward);
      forwards = std::max(forwards, of_route);
    }
    return std::max(0.0, wait - std::min(forwards, forwards_that_fit));
  }

  double memory_time(int route, int rank) const {
    double sum = 0;
    for (const int stage : stages_on(route, rank)) {
      const double until_backward_ends = there_and_back(route, stage, stage) + times(stage).backward;
      sum += count_ *
             (memory(stage).activations * until_backward_ends + memory(stage).after_backward * times(stage).weight);
    }
    return sum;
  }

  // Of the rank that has stage `first`: all that rank `rank`, whose stages begin with `next`, does meanwhile.
  double behind(int first, int rank, int next) const {
    double sum = 2 * messages(0, first, next) + times(first).weight + idle(rank);
    for (int stage = first; stage < next; ++stage) sum += times(stage).forward + times(stage).backward;
    double weights = 0;
    double left = 0;
    const std::vector<int> stages = stages_on(0, rank);
    for (const int stage : stages) {
      sum += count_ * (times(stage).forward + times(stage).backward);
      weights += count_ * times(stage).weight;
      const double held = memory(stage).after_backward;
      const double fits = held <= 0 ? unlimited : limit(rank) / held * times(stage).weight * (1 + 1e-9);
      left = std::max(left, stages.size() == 1 ? most_time(limit(rank), held, times(stage).weight) : fits);
    }
    return sum + std::max(0.0, weights - left);
  }

  const StagePlacement& placement_;
  const std::vector<double>& limits_;
  double transfer_;
  int count_;
  std::vector<StageTimes> times_;
  std::vector<StageMemory> memory_;
};

}  // namespace

double lower_bound(const Schedule& form, const ScheduleCosts& costs, const std::vector<double>& limits) {
  const Bound bound(form, costs, limits);
  return form.placement.num_routes() == 1 ? bound.one_route() : bound.several_routes();
}

}  // namespace kumiko
