#include "kumiko/schedule/timeline.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace kumiko {
namespace {

// What one micro-batch of the schedule at one stage is of a micro-batch of the job through all stages of a rank.
double part_of_activations(const Schedule& schedule) {
  return static_cast<double>(schedule.num_ranks()) / (schedule.num_stages() * schedule.parts_per_micro_batch);
}

}  // namespace

Timeline from_zero(Timeline timeline) {
  double first = std::numeric_limits<double>::infinity();
  for (const auto& rank : timeline.times) {
    for (const ActionTime& time : rank) first = std::min(first, time.begin);
  }
  for (auto& rank : timeline.times) {
    for (ActionTime& time : rank) time = {time.begin - first, time.end - first};
  }
  return timeline;
}

TimelineFacts facts_of(const Timeline& timeline) {
  TimelineFacts facts;
  double all_busy = 0;
  for (const std::vector<ActionTime>& rank : timeline.times) {
    double busy = 0;
    double first = std::numeric_limits<double>::infinity();
    double last = 0;
    for (const ActionTime& time : rank) {
      busy += time.end - time.begin;
      first = std::min(first, time.begin);
      last = std::max(last, time.end);
    }
    facts.busy.push_back(busy);
    all_busy += busy;
    facts.end = std::max(facts.end, last);
    if (!rank.empty()) facts.cost = std::max(facts.cost, last - first);
  }
  if (facts.cost > 0) facts.bubble_rate = 1 - all_busy / static_cast<double>(timeline.times.size()) / facts.cost;
  return facts;
}

std::vector<HeldActivations> activations_over_time(const Timeline& timeline, int rank) {
  const double part = part_of_activations(timeline.schedule);
  const std::vector<Action>& actions = timeline.schedule.actions[static_cast<size_t>(rank)];
  std::vector<HeldActivations> changes;
  for (size_t n = 0; n < actions.size(); ++n) {
    const ActionTime& time = timeline.times[static_cast<size_t>(rank)][n];
    if (actions[n].kind == ActionKind::forward) changes.push_back({time.begin, part});
    if (actions[n].kind == ActionKind::weight || actions[n].kind == ActionKind::whole_backward) {
      changes.push_back({time.end, -part});
    }
  }
  std::stable_sort(changes.begin(), changes.end(), [](const auto& a, const auto& b) { return a.time < b.time; });
  double held = 0;
  for (HeldActivations& change : changes) change.held = held += change.held;
  return changes;
}

std::vector<double> parts_of_actions(const Schedule& schedule, int rank) {
  const std::vector<int> stages = schedule.placement.stages_of(rank);
  std::vector<double> parts;
  for (const Action& action : schedule.actions[static_cast<size_t>(rank)]) {
    double part = 0;
    if (schedule.placement.num_routes() > 1) {
      part = schedule.routes[static_cast<size_t>(action.micro_batch)] % 2;
    } else if (stages.size() > 1) {
      const auto place = std::lower_bound(stages.begin(), stages.end(), action.stage) - stages.begin();
      part = static_cast<double>(place) / static_cast<double>(stages.size() - 1);
    }
    parts.push_back(part);
  }
  return parts;
}

}  // namespace kumiko
