#include "kumiko/schedule/simulate.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"

namespace kumiko {

double time_of(ActionKind kind, const StageTimes& times) {
  switch (kind) {
    case ActionKind::forward:
      return times.forward;
    case ActionKind::backward:
      return times.backward;
    case ActionKind::weight:
      return times.weight;
    case ActionKind::whole_backward:
      return times.whole_backward();
  }
  return 0;
}

namespace {

constexpr double not_made = -1;
constexpr int nobody = -1;

// Runs each rank until it has to wait for another, and again when that one has made what it waits for: every action is
// looked at once when it runs and at most once before.
class Run {
 public:
  Run(const Schedule& schedule, const ScheduleCosts& costs)
      : schedule_(schedule),
        costs_(costs),
        part_(1.0 / schedule.parts_per_micro_batch),
        forward_(makers(schedule)),
        backward_(makers(schedule)) {}

  std::vector<std::vector<ActionTime>> times() {
    const size_t num_ranks = schedule_.actions.size();
    times_.resize(num_ranks);
    for (size_t rank = 0; rank < num_ranks; ++rank) {
      times_[rank].reserve(schedule_.actions[rank].size());
      ready_.push_back(static_cast<int>(rank));
    }
    while (!ready_.empty()) {
      const int rank = ready_.back();
      ready_.pop_back();
      advance(rank);
    }
    for (size_t rank = 0; rank < num_ranks; ++rank) {
      const size_t done = times_[rank].size();
      if (done < schedule_.actions[rank].size())
        throw_internal("schedule {} stops: rank {} waits forever for what its action {}, {}, needs; verify it first",
                       schedule_.name, rank, done, to_string(schedule_.actions[rank][done]));
    }
    return std::move(times_);
  }

 private:
  // What an action leaves for others: when it ended, and who waits for it.
  struct Made {
    double end = not_made;
    int32_t maker = 0;
    int32_t waiting = nobody;
  };

  static std::vector<Made> makers(const Schedule& schedule) {
    return std::vector<Made>(static_cast<size_t>(schedule.num_stages()) *
                             static_cast<size_t>(schedule.num_micro_batches()));
  }
  Made& at(std::vector<Made>& made, int stage, int micro_batch) const {
    return made[static_cast<size_t>(stage) * static_cast<size_t>(schedule_.num_micro_batches()) +
                static_cast<size_t>(micro_batch)];
  }

  Made* need(const Action& action) {
    const bool last = action.stage == schedule_.num_stages() - 1;
    switch (action.kind) {
      case ActionKind::forward:
        return action.stage == 0 ? nullptr : &at(forward_, action.stage - 1, action.micro_batch);
      case ActionKind::backward:
      case ActionKind::whole_backward:
        return last ? &at(forward_, action.stage, action.micro_batch)
                    : &at(backward_, action.stage + 1, action.micro_batch);
      case ActionKind::weight:
        return &at(backward_, action.stage, action.micro_batch);
    }
    return nullptr;
  }

  void advance(int rank) {
    const auto index = static_cast<size_t>(rank);
    std::vector<ActionTime>& times = times_[index];
    while (times.size() < schedule_.actions[index].size()) {
      const Action& action = schedule_.actions[index][times.size()];
      double begin = times.empty() ? 0 : times.back().end;
      if (Made* const needed = need(action)) {
        if (needed->end == not_made) {
          needed->waiting = rank;
          return;
        }
        begin = std::max(begin, needed->end + (needed->maker == rank ? 0 : costs_.transfer));
      }
      const double end = begin + time_of(action.kind, costs_.times[static_cast<size_t>(action.stage)]) * part_;
      times.push_back({begin, end});
      if (action.kind != ActionKind::weight) leave(action, rank, end);
    }
  }

  void leave(const Action& action, int rank, double end) {
    Made& made = at(action.kind == ActionKind::forward ? forward_ : backward_, action.stage, action.micro_batch);
    made.end = end;
    made.maker = rank;
    if (made.waiting != nobody) ready_.push_back(std::exchange(made.waiting, nobody));
  }

  const Schedule& schedule_;
  const ScheduleCosts& costs_;
  double part_;
  std::vector<Made> forward_;
  std::vector<Made> backward_;
  std::vector<std::vector<ActionTime>> times_;
  std::vector<int> ready_;  // ranks that may be able to go on
};

struct Peaks {
  double memory = 0;
  double activations = 0;
};

Peaks peaks_of(const Schedule& schedule, size_t rank, const ScheduleCosts& costs) {
  Peaks peak;
  double memory = 0;
  int held = 0;
  int most_held = 0;
  for (const Action& action : schedule.actions[rank]) {
    const StageMemory& of = costs.memory[static_cast<size_t>(action.stage)];
    switch (action.kind) {
      case ActionKind::forward:
        memory += of.activations;
        ++held;
        break;
      case ActionKind::backward:
        memory += of.after_backward - of.activations;
        break;
      case ActionKind::weight:
        memory -= of.after_backward;
        --held;
        break;
      case ActionKind::whole_backward:
        memory -= of.activations;
        --held;
        break;
    }
    peak.memory = std::max(peak.memory, memory);
    most_held = std::max(most_held, held);
  }
  peak.memory /= schedule.parts_per_micro_batch;
  peak.activations =
      static_cast<double>(most_held) * schedule.num_ranks() / (schedule.num_stages() * schedule.parts_per_micro_batch);
  return peak;
}

}  // namespace

Simulation simulate(const Schedule& schedule, const ScheduleCosts& costs) {
  Simulation simulation;
  simulation.times = Run(schedule, costs).times();
  double busy = 0;
  for (size_t rank = 0; rank < schedule.actions.size(); ++rank) {
    const std::vector<ActionTime>& times = simulation.times[rank];
    if (!times.empty()) simulation.cost = std::max(simulation.cost, times.back().end - times.front().begin);
    simulation.busy.push_back(0);
    for (const Action& action : schedule.actions[rank])
      simulation.busy.back() +=
          time_of(action.kind, costs.times[static_cast<size_t>(action.stage)]) / schedule.parts_per_micro_batch;
    busy += simulation.busy.back();
    const Peaks peaks = peaks_of(schedule, rank, costs);
    simulation.peak_memory.push_back(peaks.memory);
    simulation.peak_activations.push_back(peaks.activations);
  }
  if (simulation.cost > 0) simulation.bubble_rate = 1 - busy / (schedule.num_ranks() * simulation.cost);
  return simulation;
}

}  // namespace kumiko
