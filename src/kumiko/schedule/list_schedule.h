// Schedules made one action at a time: each rank runs what is ready, by priority, and weight gradients where they do
// not hold up anything else.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kumiko/schedule/costs.h"
#include "kumiko/schedule/schedule.h"

namespace kumiko {

// When a rank that waits for its next F or B runs a W instead.
enum class WeightRule : uint8_t {
  fits,            // if it ends in time
  largest_bubble,  // also if the rank would otherwise have waited longer than any other has
  always,
};

// Memory of each rank in the unit of the costs, for `limit` micro-batches through all stages of the rank.
std::vector<double> memory_limits(const StagePlacement& placement, const ScheduleCosts& costs, double limit);

// The F and B of `order` (BW counts as B) in their order on each rank, with W placed by `rule` and wherever memory
// would be exceeded. Nothing where the order cannot run to its end within the limits.
std::optional<Schedule> place_weights(const Schedule& order, const ScheduleCosts& costs,
                                      const std::vector<double>& limits, WeightRule rule);

// Of each F and B, [stage][micro-batch]: the smaller, the sooner.
struct Priorities {
  std::vector<double> forward;
  std::vector<double> backward;
};

// As many actions as `form` has micro-batches and stages; its own are ignored. Each rank runs the ready F or B that
// comes first by priority, and W when none is ready. An F goes ahead of others only as far as memory remains for those:
// if running by priority alone keeps to the limits, this ends. Nothing where it does not.
std::optional<Schedule> list_schedule(const Schedule& form, const Priorities& priorities, const ScheduleCosts& costs,
                                      const std::vector<double>& limits);

}  // namespace kumiko
