// Local search: a schedule made shorter by moving single actions in their ranks' lists.
#pragma once

#include <vector>

#include "kumiko/schedule/costs.h"
#include "kumiko/schedule/schedule.h"

namespace kumiko {

// A schedule of no greater cost, within `limits` (memory of each rank, in the unit of the costs) if the given one is,
// and verified. BW becomes B and W. `trials` moves are tried, the same ones each time.
Schedule improve_order(const Schedule& schedule, const ScheduleCosts& costs, const std::vector<double>& limits,
                       int trials);

// Each BW as B and then W: no later, and no more is held where a stage's B leaves no more than its F.
Schedule split_backward(const Schedule& schedule);

// Whether verify() takes it.
bool can_run(const Schedule& schedule);

}  // namespace kumiko
