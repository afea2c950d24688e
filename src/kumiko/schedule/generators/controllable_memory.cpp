#include "kumiko/schedule/generators/controllable_memory.h"

#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/schedule/list_schedule.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {

Schedule fit_weights(const Schedule& order, const ScheduleRequest& request, double limit) {
  const ScheduleCosts costs = costs_of(request, order.num_stages());
  ScheduleCosts held_until_weight = costs;
  for (StageMemory& memory : held_until_weight.memory) memory.after_backward = memory.activations;
  const std::vector<double> limits = memory_limits(order.placement, held_until_weight, limit);
  std::optional<Schedule> best;
  double best_cost = 0;
  for (const WeightRule rule : {WeightRule::fits, WeightRule::largest_bubble, WeightRule::always}) {
    std::optional<Schedule> placed = place_weights(order, held_until_weight, limits, rule);
    if (!placed) throw_internal("schedule {}: its order does not fit {} activations", order.name, limit);
    const double cost = simulate(*placed, costs).cost;
    if (best && cost >= best_cost) continue;
    best_cost = cost;
    best = std::move(placed);
  }
  return *std::move(best);
}

Schedule repeat_block(std::string name, const ScheduleRequest& request, BuildingBlock (*block)(int rank, int num_ranks),
                      double limit) {
  constexpr int interval = 6;
  const int p = request.num_ranks;
  const int m = request.num_micro_batches;
  Schedule form = empty_schedule(std::move(name), StagePlacement::v_shaped(p), m);
  const auto size = static_cast<size_t>(2 * p) * static_cast<size_t>(m);
  Priorities slots{std::vector<double>(size), std::vector<double>(size)};
  for (int rank = 0; rank < p; ++rank) {
    const BuildingBlock begin = block(rank, p);
    for (int n = 0; n < m; ++n) {
      const auto place = [&](int stage) {
        return static_cast<size_t>(stage) * static_cast<size_t>(m) + static_cast<size_t>(n);
      };
      const int first = rank;
      const int second = 2 * p - 1 - rank;
      slots.forward[place(first)] = begin[0] + interval * n;
      slots.forward[place(second)] = begin[1] + interval * n;
      slots.backward[place(second)] = begin[2] + interval * n;
      slots.backward[place(first)] = begin[3] + interval * n;
    }
  }
  const ScheduleCosts unit = uniform_costs(2 * p, 2, {2, 2, 2}, 0, {1, 1});
  const std::optional<Schedule> order = list_schedule(form, slots, unit, memory_limits(form.placement, unit, limit));
  if (!order) throw_internal("schedule {}: its blocks do not fit {} activations", form.name, limit);
  return fit_weights(*order, request, limit);
}

}  // namespace kumiko
