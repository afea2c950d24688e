#include "kumiko/schedule/generators/zero_bubble_heuristic.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/schedule/check_messages.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {
namespace {

struct Choices {
  bool bubble_before_first_backward = false;  // rather than an F that would delay the first B
  bool backward_first = false;                // a stage well ahead of the next may leave out an F
  bool fill_small_gaps = false;               // with a W, although no more bubble than elsewhere would be left
};

// How far one stage has come.
struct Progress {
  std::vector<Action> actions;
  std::vector<double> forward_ends;
  std::vector<double> backward_ends;
  size_t weights = 0;
  double end = 0;
  double memory = 0;
  double bubble = 0;  // since its first F

  size_t forwards() const { return forward_ends.size(); }
  size_t backwards() const { return backward_ends.size(); }
  bool has_weight() const { return weights < backwards(); }
};

class Heuristic {
 public:
  Heuristic(const ScheduleRequest& request, ScheduleCosts costs, double limit, Choices choices)
      : costs_(std::move(costs)),
        num_stages_(static_cast<size_t>(request.num_ranks)),
        num_micro_batches_(static_cast<size_t>(request.num_micro_batches)),
        limit_(limit),
        choices_(choices),
        progress_(num_stages_) {
    // Times that differ by rounding only are the same time.
    for (const StageTimes& times : costs_.times) rounding_ = std::max(rounding_, 1e-9 * times.total());
  }

  std::vector<std::vector<Action>> actions() {
    warm_up();
    for (size_t n = 1; n < num_micro_batches_; ++n) {
      run_forwards();
      for (size_t s = num_stages_; s-- > 0;) run_backward(s);
    }
    std::vector<std::vector<Action>> actions;
    for (size_t s = 0; s < num_stages_; ++s) {
      while (progress_[s].has_weight()) weight(s);
      actions.push_back(std::move(progress_[s].actions));
    }
    return actions;
  }

 private:
  // Every stage's F before its first B.
  void warm_up() {
    for (size_t s = 0; s < num_stages_; ++s) forward(s);
    std::vector<size_t> more(num_stages_);
    double backward_end = progress_.back().end + costs_.times.back().backward;
    for (size_t s = num_stages_ - 1; s-- > 0;) {
      const double backward_begin = backward_end + costs_.transfer;
      more[s] = forwards_until(s, backward_begin);
      const double end = progress_[s].end + static_cast<double>(more[s]) * costs_.times[s].forward;
      backward_end = std::max(end, backward_begin) + costs_.times[s].backward;
    }
    // A stage runs more F than the next, or the next would wait for it once more.
    for (size_t s = 1; s < num_stages_; ++s) {
      const size_t before = more[s - 1];
      if (1 + more[s] < num_micro_batches_) more[s] = std::min(more[s], before == 0 ? 0 : before - 1);
    }
    for (size_t s = 0; s < num_stages_; ++s) {
      for (size_t n = 0; n < more[s]; ++n) forward(s);
    }
    for (size_t s = num_stages_; s-- > 0;) backward(s);
  }

  // F that stage s may run, after its first, until the first B can begin.
  size_t forwards_until(size_t s, double backward_begin) const {
    const StageTimes& times = costs_.times[s];
    size_t count = 0;
    double end = progress_[s].end;
    double memory = progress_[s].memory;
    while (1 + count < num_micro_batches_ && fits(s, memory)) {
      if (choices_.bubble_before_first_backward ? !at_most(end + times.forward, backward_begin)
                                                : at_most(backward_begin, end))
        break;
      memory += costs_.memory[s].activations;
      end += times.forward;
      ++count;
    }
    return count;
  }

  // One F at stages from the first on, as far as those after them take one too.
  void run_forwards() {
    std::vector<bool> runs(num_stages_);
    for (size_t s = 0; s < num_stages_; ++s) runs[s] = wants_forward(s);
    for (size_t s = num_stages_ - 1; s-- > 0;) runs[s] = runs[s] && runs[s + 1];
    for (size_t s = 0; s < num_stages_; ++s) {
      if (!runs[s]) continue;
      while (!fits(s, progress_[s].memory)) weight(s);
      if (s > 0) fill(s, progress_[s - 1].forward_ends[progress_[s].forwards()] + costs_.transfer);
      forward(s);
    }
  }

  bool wants_forward(size_t s) const {
    const Progress& here = progress_[s];
    if (here.forwards() == num_micro_batches_) return false;
    if (!choices_.backward_first || s + 1 == num_stages_) return true;
    const Progress& next = progress_[s + 1];
    if (here.forwards() < next.forwards() + 2) return true;
    // The next stage's F and B, and then the B here.
    const double backward_begin =
        next.end + costs_.times[s + 1].forward + costs_.times[s + 1].backward + costs_.transfer;
    if (at_most(backward_begin, here.end)) return false;
    if (at_most(here.end + costs_.times[s].forward + time_to_make_room(s), backward_begin)) return true;
    return !at_most(backward_begin - here.end, largest_bubble_ - here.bubble);
  }

  // Of the W that stage s has to run before another F.
  double time_to_make_room(size_t s) const {
    double memory = progress_[s].memory;
    double time = 0;
    for (size_t n = progress_[s].weights; n < progress_[s].backwards() && !fits(s, memory); ++n) {
      time += costs_.times[s].weight;
      memory -= costs_.memory[s].after_backward;
    }
    return time;
  }

  void run_backward(size_t s) {
    const size_t n = progress_[s].backwards();
    if (s + 1 < num_stages_) fill(s, progress_[s + 1].backward_ends[n] + costs_.transfer);
    if (s == 0 && progress_[s].forwards() == num_micro_batches_) {
      while (progress_[s].has_weight()) weight(s);
    }
    backward(s);
  }

  // W until `until`, and one beyond it where the gap would make this stage's bubble the largest.
  void fill(size_t s, double until) {
    const Progress& here = progress_[s];
    while (here.has_weight() && at_most(here.end + costs_.times[s].weight, until)) weight(s);
    const double gap = until - here.end;
    if (!here.has_weight() || gap <= rounding_) return;
    if (choices_.fill_small_gaps || !at_most(gap, largest_bubble_ - here.bubble)) weight(s);
  }

  void forward(size_t s) {
    Progress& here = progress_[s];
    const size_t n = here.forwards();
    const double ready = s == 0 ? 0 : progress_[s - 1].forward_ends[n] + costs_.transfer;
    run(s, {ActionKind::forward, static_cast<int32_t>(s), static_cast<int32_t>(n)}, ready, costs_.times[s].forward);
    here.forward_ends.push_back(here.end);
    here.memory += costs_.memory[s].activations;
  }

  void backward(size_t s) {
    Progress& here = progress_[s];
    const size_t n = here.backwards();
    const double ready = s + 1 == num_stages_ ? 0 : progress_[s + 1].backward_ends[n] + costs_.transfer;
    run(s, {ActionKind::backward, static_cast<int32_t>(s), static_cast<int32_t>(n)}, ready, costs_.times[s].backward);
    here.backward_ends.push_back(here.end);
    here.memory += costs_.memory[s].after_backward - costs_.memory[s].activations;
  }

  void weight(size_t s) {
    Progress& here = progress_[s];
    run(s, {ActionKind::weight, static_cast<int32_t>(s), static_cast<int32_t>(here.weights)}, 0,
        costs_.times[s].weight);
    ++here.weights;
    here.memory -= costs_.memory[s].after_backward;
  }

  void run(size_t s, const Action& action, double ready, double time) {
    Progress& here = progress_[s];
    if (!here.actions.empty()) {
      here.bubble += std::max(0.0, ready - here.end);
      largest_bubble_ = std::max(largest_bubble_, here.bubble);
    }
    here.actions.push_back(action);
    here.end = std::max(here.end, ready) + time;
  }

  bool fits(size_t s, double memory) const {
    const double activations = costs_.memory[s].activations;
    return memory + activations <= activations * (limit_ + 1e-9);
  }
  bool at_most(double time, double other) const { return time <= other + rounding_; }

  ScheduleCosts costs_;
  size_t num_stages_;
  size_t num_micro_batches_;
  double limit_;
  Choices choices_;
  double rounding_ = 0;
  std::vector<Progress> progress_;
  double largest_bubble_ = 0;  // of all stages
};

}  // namespace

Schedule fit_zero_bubble(std::string name, const ScheduleRequest& request, double limit) {
  if (limit < 1) throw_user("memory_limit = {}: expected at least 1, the activations of one micro-batch", limit);
  const ScheduleCosts costs = costs_of(request, request.num_ranks);
  Schedule best;
  double best_cost = 0;
  for (int setting = 0; setting < 8; ++setting) {
    const Choices choices{(setting & 4) == 0, (setting & 2) == 0, (setting & 1) == 0};
    Schedule schedule = empty_schedule(name, StagePlacement::interleaved(request.num_ranks), request.num_micro_batches);
    schedule.actions = Heuristic(request, costs, limit, choices).actions();
    const double cost = simulate(schedule, costs).cost;
    if (setting > 0 && cost >= best_cost) continue;
    best_cost = cost;
    best = std::move(schedule);
  }
  fit_message_buffers(best);
  return best;
}

}  // namespace kumiko
