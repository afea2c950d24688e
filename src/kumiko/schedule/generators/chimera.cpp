#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/schedule/generators.h"

namespace kumiko {
namespace {

enum class Pairing : uint8_t {
  none,
  micro_batches,  // F of two micro-batches at once
  halves,         // BW of a micro-batch in two halves
};

// An action with its place in time, in slots of one F, or F of a pair, or BW.
struct Placed {
  int64_t slot = 0;
  Action action;
};

void check_request(const ScheduleRequest& request) {
  const int depth = request.num_ranks;
  if (depth % 2 != 0)
    throw_user("{} pipeline ranks: Chimera pairs each rank with one of the other half; use {}", depth,
               depth == 1 ? "2" : fmt::format("{} or {}", depth - 1, depth + 1));
  const int half = depth / 2;
  if (request.pipeline_pairs >= 1 && half % request.pipeline_pairs == 0) return;
  std::string divisors;
  for (int pairs = 1; pairs <= half; ++pairs) {
    if (half % pairs == 0) divisors += fmt::format("{}{}", divisors.empty() ? "" : ", ", pairs);
  }
  throw_user("pipeline_pairs = {}: expected a divisor of half of the {} pipeline ranks: {}", request.pipeline_pairs,
             depth, divisors);
}

// Micro-batches of one route that run as D of both directions do, or 2D in pairs.
struct Unit {
  int64_t begin = 0;  // slot
  int first = 0;      // micro-batch
  int count = 0;
  bool paired = false;
};

// `size`: micro-batches of a route in an ordinary unit, D / (2 f). The slots that a unit leaves free at its end are
// those that the next one's beginning takes.
std::vector<Unit> units_of_route(int depth, int size, int first, int count, Pairing pairing) {
  std::vector<Unit> units;
  int64_t begin = 0;
  for (int done = 0; done < count;) {
    const int left = count - done;
    // Of whole micro-batches, what is left and fits an ordinary unit would wait for its pairs without need.
    const bool paired = pairing == Pairing::halves || (pairing == Pairing::micro_batches && left > size);
    units.push_back({begin, first + done, std::min(left, paired ? 2 * size : size), paired});
    begin += (paired ? 3 : 2) * depth;
    done += units.back().count;
  }
  return units;
}

// Of one stage: a pipeline uses every second slot of a rank and the pipeline against it the slots between, as stages s
// and D - 1 - s differ in parity. F goes down a slot a stage; the first BW is at the last stage when its F has ended,
// in slot D, and goes up again.
void place(const Unit& unit, int depth, int stage, std::vector<Placed>& actions) {
  for (int n = 0; n < unit.count; ++n) {
    const int64_t forward = unit.begin + stage + 2 * (unit.paired ? n / 2 : n);
    const int64_t backward = unit.begin + 2 * depth - 1 - stage + 2 * n;
    actions.push_back({forward, {ActionKind::forward, stage, unit.first + n}});
    actions.push_back({backward, {ActionKind::whole_backward, stage, unit.first + n}});
  }
}

Schedule make(std::string name, const ScheduleRequest& request, Pairing pairing) {
  check_request(request);
  const int depth = request.num_ranks;
  const int parts = pairing == Pairing::halves ? 2 : 1;
  Schedule schedule = empty_schedule(std::move(name), StagePlacement::bidirectional(depth, request.pipeline_pairs),
                                     request.num_micro_batches * parts);
  schedule.parts_per_micro_batch = parts;
  std::vector<std::vector<Placed>> placed(static_cast<size_t>(depth));
  const int num_routes = schedule.placement.num_routes();
  int first = 0;
  for (int route = 0; route < num_routes; ++route) {
    const int whole = request.num_micro_batches / num_routes + (route < request.num_micro_batches % num_routes ? 1 : 0);
    const int count = whole * parts;
    std::fill_n(schedule.routes.begin() + first, count, route);
    for (const Unit& unit : units_of_route(depth, depth / num_routes, first, count, pairing)) {
      for (int stage = 0; stage < depth; ++stage)
        place(unit, depth, stage, placed[static_cast<size_t>(schedule.placement.rank_of(route, stage))]);
    }
    first += count;
  }
  for (size_t rank = 0; rank < placed.size(); ++rank) {
    std::stable_sort(placed[rank].begin(), placed[rank].end(),
                     [](const Placed& a, const Placed& b) { return a.slot < b.slot; });
    for (const Placed& next : placed[rank]) schedule.actions[rank].push_back(next.action);
  }
  return schedule;
}

}  // namespace

// Pipelines in both directions over the same ranks, each with its share of the micro-batches; more than D of them by
// direct concatenation (Li and Hoefler 2021, "Chimera", sections 3.1 and 3.5).
Schedule make_chimera(const ScheduleRequest& request) { return make("chimera", request, Pairing::none); }

// For more than D micro-batches: two at a time go forward, so that F and BW take the same time where one BW takes that
// of two F (section 3.5, forward doubling).
Schedule make_chimera_doubling(const ScheduleRequest& request) {
  return make("chimera-doubling", request, Pairing::micro_batches);
}

// The same with the halves of each micro-batch, which go forward together and back one after the other (section 3.5,
// backward halving).
Schedule make_chimera_halving(const ScheduleRequest& request) {
  return make("chimera-halving", request, Pairing::halves);
}

}  // namespace kumiko
