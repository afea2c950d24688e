#include "kumiko/schedule/list_schedule.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

namespace kumiko {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

// The micro-batches of one route at one stage, in order, forward or backward.
struct Stream {
  ActionKind kind = ActionKind::forward;
  int32_t stage = 0;
  const std::vector<int32_t>* micro_batches = nullptr;
  size_t next = 0;

  bool is_done() const { return next == micro_batches->size(); }
  Action action() const { return {kind, stage, (*micro_batches)[next]}; }
};

struct Rank {
  std::vector<Action> actions;
  std::vector<Stream> streams;
  std::deque<Action> pending;  // W
  double free = 0;             // when what it runs ends
  double memory = 0;
  double latest = -never;  // priority of the latest F that has run
};

class ListScheduling {
 public:
  ListScheduling(const Schedule& form, const Priorities& priorities, const ScheduleCosts& costs,
                 const std::vector<double>& limits)
      : form_(form),
        priorities_(priorities),
        costs_(costs),
        limits_(limits),
        part_(1.0 / form.parts_per_micro_batch),
        forward_ends_(priorities.forward.size(), never),
        backward_ends_(priorities.backward.size(), never),
        of_route_(static_cast<size_t>(form.placement.num_routes())),
        ranks_(static_cast<size_t>(form.num_ranks())) {
    for (int n = 0; n < form.num_micro_batches(); ++n)
      of_route_[static_cast<size_t>(form.routes[static_cast<size_t>(n)])].push_back(n);
    for (int route = 0; route < form.placement.num_routes(); ++route) {
      for (int stage = 0; stage < form.num_stages(); ++stage) {
        for (const ActionKind kind : {ActionKind::forward, ActionKind::backward})
          ranks_[static_cast<size_t>(form.placement.rank_of(route, stage))].streams.push_back(
              {kind, stage, &of_route_[static_cast<size_t>(route)]});
      }
    }
  }

  std::optional<Schedule> run() {
    for (size_t rank = 0; rank < ranks_.size(); ++rank) wake(0, rank);
    while (!events_.empty()) {
      const auto [time, rank] = events_.top();
      events_.pop();
      if (time >= ranks_[rank].free) decide(rank, time);
    }
    Schedule schedule = empty_schedule(form_.name, form_.placement, form_.num_micro_batches());
    schedule.routes = form_.routes;
    schedule.parts_per_micro_batch = form_.parts_per_micro_batch;
    for (size_t rank = 0; rank < ranks_.size(); ++rank) {
      for (const Stream& stream : ranks_[rank].streams) {
        if (!stream.is_done()) return std::nullopt;
      }
      schedule.actions[rank] = std::move(ranks_[rank].actions);
    }
    return schedule;
  }

 private:
  size_t index(int stage, int micro_batch) const {
    return static_cast<size_t>(stage) * form_.routes.size() + static_cast<size_t>(micro_batch);
  }
  double priority(const Action& action) const {
    const size_t place = index(action.stage, action.micro_batch);
    return action.kind == ActionKind::forward ? priorities_.forward[place] : priorities_.backward[place];
  }
  const StageTimes& times(const Action& action) const { return costs_.times[static_cast<size_t>(action.stage)]; }
  const StageMemory& memory(const Action& action) const { return costs_.memory[static_cast<size_t>(action.stage)]; }
  void wake(double time, size_t rank) { events_.push({time, rank}); }

  double ready(const Action& action, size_t rank) const {
    const bool forward = action.kind == ActionKind::forward;
    if (forward && action.stage == 0) return 0;
    const double own = forward ? 0 : forward_ends_[index(action.stage, action.micro_batch)];
    if (own == never || (!forward && action.stage + 1 == form_.num_stages())) return own;
    const int stage = forward ? action.stage - 1 : action.stage + 1;
    const double end = (forward ? forward_ends_ : backward_ends_)[index(stage, action.micro_batch)];
    const bool here = form_.rank_of(stage, action.micro_batch) == static_cast<int>(rank);
    return end + (here ? 0 : costs_.transfer);
  }

  // Whether F leaves memory for all F that come before it by priority and have not run. Where F of a later priority has
  // run, there is memory for this one.
  bool has_room(const Rank& rank, const Action& action, double limit) const {
    const double own = priority(action);
    if (own < rank.latest) return rank.memory + part_ * memory(action).activations <= limit;
    double needed = rank.memory + part_ * memory(action).activations;
    for (const Stream& stream : rank.streams) {
      if (stream.kind != ActionKind::forward || stream.stage == action.stage) continue;
      Stream skipped = stream;
      for (; !skipped.is_done() && priority(skipped.action()) < own && needed <= limit; ++skipped.next)
        needed += part_ * memory(skipped.action()).activations;
    }
    return needed <= limit;
  }

  void decide(size_t index_of_rank, double now) {
    Rank& rank = ranks_[index_of_rank];
    const double limit = limits_[index_of_rank] * (1 + 1e-9);
    Stream* best = nullptr;
    for (Stream& stream : rank.streams) {
      if (stream.is_done() || ready(stream.action(), index_of_rank) > now) continue;
      if (stream.kind == ActionKind::forward && !has_room(rank, stream.action(), limit)) continue;
      if (best == nullptr || priority(stream.action()) < priority(best->action())) best = &stream;
    }
    if (best != nullptr) {
      run(index_of_rank, best->action(), now);
      ++best->next;
    } else if (!rank.pending.empty()) {
      const Action action = rank.pending.front();
      rank.pending.pop_front();
      rank.actions.push_back(action);
      rank.free = now + part_ * times(action).weight;
      rank.memory -= part_ * memory(action).after_backward;
      wake(rank.free, index_of_rank);
    }
  }

  void run(size_t index_of_rank, const Action& action, double now) {
    Rank& rank = ranks_[index_of_rank];
    const bool forward = action.kind == ActionKind::forward;
    rank.actions.push_back(action);
    rank.free = now + part_ * (forward ? times(action).forward : times(action).backward);
    if (forward) {
      rank.memory += part_ * memory(action).activations;
      rank.latest = std::max(rank.latest, priority(action));
    } else {
      rank.memory += part_ * (memory(action).after_backward - memory(action).activations);
      rank.pending.push_back({ActionKind::weight, action.stage, action.micro_batch});
    }
    (forward ? forward_ends_ : backward_ends_)[index(action.stage, action.micro_batch)] = rank.free;
    wake(rank.free, index_of_rank);
    const int stage = forward ? action.stage + 1 : action.stage - 1;
    if (stage < 0 || stage == form_.num_stages()) return;
    const auto other = static_cast<size_t>(form_.rank_of(stage, action.micro_batch));
    if (other != index_of_rank) wake(rank.free + costs_.transfer, other);
  }

  const Schedule& form_;
  const Priorities& priorities_;
  const ScheduleCosts& costs_;
  const std::vector<double>& limits_;
  double part_;
  std::vector<double> forward_ends_;  // [stage][micro-batch]
  std::vector<double> backward_ends_;
  std::vector<std::vector<int32_t>> of_route_;  // its micro-batches
  std::vector<Rank> ranks_;
  using Event = std::pair<double, size_t>;  // a rank may go on
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

}  // namespace

std::optional<Schedule> list_schedule(const Schedule& form, const Priorities& priorities, const ScheduleCosts& costs,
                                      const std::vector<double>& limits) {
  return ListScheduling(form, priorities, costs, limits).run();
}

}  // namespace kumiko
