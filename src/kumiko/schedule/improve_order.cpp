#include "kumiko/schedule/improve_order.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/random.h"
#include "kumiko/schedule/dependencies.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

constexpr double not_yet = std::numeric_limits<double>::infinity();

struct Cost {
  double longest = not_yet;  // rank's time: the schedule's cost
  double sum = not_yet;      // of all ranks
};

// Actions as numbers, with all that running them needs in tables.
class Orders {
 public:
  Orders(const Schedule& schedule, const ScheduleCosts& costs, const std::vector<double>& limits)
      : schedule_(schedule),
        limits_(limits),
        transfer_(costs.transfer),
        num_micro_batches_(schedule.num_micro_batches()),
        work_(static_cast<size_t>(3 * schedule.num_stages() * num_micro_batches_)) {
    const double part = 1.0 / schedule.parts_per_micro_batch;
    for (size_t rank = 0; rank < schedule.actions.size(); ++rank) {
      std::vector<int>& order = orders_.emplace_back();
      for (const Action& action : schedule.actions[rank]) {
        order.push_back(number(action.kind, action.stage, action.micro_batch));
        add(action, static_cast<int>(rank), costs, part);
      }
    }
    ends_.resize(work_.size());
    waiting_.resize(work_.size());
    next_.resize(orders_.size());
    free_.resize(orders_.size());
    start_.resize(orders_.size());
  }

  std::vector<std::vector<int>>& orders() { return orders_; }

  Cost cost() {
    std::fill(ends_.begin(), ends_.end(), not_yet);
    std::fill(waiting_.begin(), waiting_.end(), -1);
    std::fill(next_.begin(), next_.end(), 0);
    ready_.clear();
    for (size_t rank = 0; rank < orders_.size(); ++rank) ready_.push_back(static_cast<int>(rank));
    while (!ready_.empty()) {
      const auto rank = static_cast<size_t>(ready_.back());
      ready_.pop_back();
      advance(rank);
    }
    Cost cost{0, 0};
    for (size_t rank = 0; rank < orders_.size(); ++rank) {
      if (next_[rank] < orders_[rank].size()) return {};
      if (orders_[rank].empty()) continue;
      const double time = free_[rank] - start_[rank];
      cost.longest = std::max(cost.longest, time);
      cost.sum += time;
    }
    return cost;
  }

  bool fits(size_t rank) const {
    double held = 0;
    for (const int action : orders_[rank]) {
      held += work_[static_cast<size_t>(action)].memory;
      if (held > limits_[rank] * (1 + 1e-9)) return false;
    }
    return true;
  }

  // Whether two actions of a rank may not pass each other.
  bool are_ordered(int a, int b) const {
    const int stages = num_micro_batches_ * schedule_.num_stages();
    if (a % stages / num_micro_batches_ != b % stages / num_micro_batches_) return false;
    return a / stages == b / stages || a % num_micro_batches_ == b % num_micro_batches_;
  }

  Schedule schedule() const {
    Schedule result = schedule_;
    const int stages = num_micro_batches_ * schedule_.num_stages();
    for (size_t rank = 0; rank < orders_.size(); ++rank) {
      result.actions[rank].clear();
      for (const int action : orders_[rank])
        result.actions[rank].push_back({static_cast<ActionKind>(action / stages), action % stages / num_micro_batches_,
                                        action % num_micro_batches_});
    }
    return result;
  }

 private:
  struct Work {
    double time = 0;
    double memory = 0;  // that it takes, or frees
    int input = -1;     // action
    bool has_message = false;
  };

  int number(ActionKind kind, int stage, int micro_batch) const {
    return (static_cast<int>(kind) * schedule_.num_stages() + stage) * num_micro_batches_ + micro_batch;
  }

  void add(const Action& action, int rank, const ScheduleCosts& costs, double part) {
    const StageTimes& times = costs.times[static_cast<size_t>(action.stage)];
    const StageMemory& memory = costs.memory[static_cast<size_t>(action.stage)];
    Work& work = work_[static_cast<size_t>(number(action.kind, action.stage, action.micro_batch))];
    if (action.kind == ActionKind::forward) {
      work.time = part * times.forward;
      work.memory = part * memory.activations;
    } else if (action.kind == ActionKind::backward) {
      work.time = part * times.backward;
      work.memory = part * (memory.after_backward - memory.activations);
    } else {
      work.time = part * times.weight;
      work.memory = -part * memory.after_backward;
    }
    const int stage = input_stage(action, schedule_.num_stages());
    if (stage != no_stage) {
      work.input = number(action.kind, stage, action.micro_batch);
      work.has_message = schedule_.rank_of(stage, action.micro_batch) != rank;
    }
  }

  void advance(size_t rank) {
    const std::vector<int>& order = orders_[rank];
    for (size_t& next = next_[rank]; next < order.size(); ++next) {
      const auto action = static_cast<size_t>(order[next]);
      const Work& work = work_[action];
      double begin = next == 0 ? 0 : free_[rank];
      if (work.input >= 0) {
        const auto input = static_cast<size_t>(work.input);
        if (ends_[input] == not_yet) {
          waiting_[input] = static_cast<int>(rank);
          return;
        }
        begin = std::max(begin, ends_[input] + (work.has_message ? transfer_ : 0));
      }
      if (next == 0) start_[rank] = begin;
      free_[rank] = ends_[action] = begin + work.time;
      if (waiting_[action] >= 0) ready_.push_back(waiting_[action]);
    }
  }

  const Schedule& schedule_;
  const std::vector<double>& limits_;
  double transfer_;
  int num_micro_batches_;
  std::vector<Work> work_;
  std::vector<std::vector<int>> orders_;
  std::vector<double> ends_;  // of each action
  std::vector<int> waiting_;  // of each action: rank
  std::vector<size_t> next_;  // of each rank
  std::vector<double> free_;
  std::vector<double> start_;
  std::vector<int> ready_;
};

// One action moved to another place in its rank's list.
struct Move {
  size_t rank = 0;
  size_t from = 0;
  size_t to = 0;
};

void apply_move(const Move& move, std::vector<int>& order) {
  const auto begin = order.begin();
  const auto from = static_cast<std::ptrdiff_t>(move.from);
  const auto to = static_cast<std::ptrdiff_t>(move.to);
  if (from < to) {
    std::rotate(begin + from, begin + from + 1, begin + to + 1);
  } else {
    std::rotate(begin + to, begin + from, begin + from + 1);
  }
}

// Places apart at most.
constexpr size_t farthest = 8;

bool draw(const Orders& numbers, const std::vector<std::vector<int>>& orders, uint64_t bits, Move& move) {
  move.rank = bits % orders.size();
  const std::vector<int>& order = orders[move.rank];
  if (order.empty()) return false;
  move.from = (bits >> 16) % order.size();
  const size_t distance = 1 + (bits >> 40) % farthest;
  const bool later = (bits >> 50) % 2 == 0;
  if (later ? move.from + distance >= order.size() : distance > move.from) return false;
  move.to = later ? move.from + distance : move.from - distance;
  for (size_t i = std::min(move.from, move.to); i <= std::max(move.from, move.to); ++i) {
    if (i != move.from && numbers.are_ordered(order[move.from], order[i])) return false;
  }
  return true;
}

}  // namespace

bool can_run(const Schedule& schedule) {
  try {
    verify(schedule);
    return true;
  } catch (const Error&) {
    return false;
  }
}

Schedule split_backward(const Schedule& schedule) {
  Schedule split = schedule;
  for (std::vector<Action>& actions : split.actions) {
    std::vector<Action> parts;
    for (const Action& action : actions) {
      if (action.kind != ActionKind::whole_backward) {
        parts.push_back(action);
        continue;
      }
      parts.push_back({ActionKind::backward, action.stage, action.micro_batch});
      parts.push_back({ActionKind::weight, action.stage, action.micro_batch});
    }
    actions = std::move(parts);
  }
  return split;
}

Schedule improve_order(const Schedule& schedule, const ScheduleCosts& costs, const std::vector<double>& limits,
                       int trials) {
  const Schedule start = split_backward(schedule);
  Orders orders(start, costs, limits);
  Cost best = orders.cost();
  const double rounding = 1e-9 * best.longest;
  Schedule result = start;
  const PhiloxKey key = random_key(0, RandomStream::sampling, 0);
  for (int trial = 0; trial < trials; ++trial) {
    Move move;
    if (!draw(orders, orders.orders(), random_bits(key, static_cast<uint64_t>(trial)), move)) continue;
    std::vector<int>& order = orders.orders()[move.rank];
    apply_move(move, order);
    const Cost cost = orders.fits(move.rank) ? orders.cost() : Cost{};
    const bool is_shorter = cost.longest < best.longest - rounding;
    const bool is_as_good = cost.longest <= best.longest + rounding && cost.sum <= best.sum + rounding;
    Schedule found = is_shorter ? orders.schedule() : Schedule{};
    if ((!is_shorter && !is_as_good) || (is_shorter && !can_run(found))) {
      apply_move({move.rank, move.to, move.from}, order);
      continue;
    }
    best = {std::min(best.longest, cost.longest), cost.sum};
    if (is_shorter) result = std::move(found);
  }
  return result;
}

}  // namespace kumiko
