// How short a schedule can be at best.
#pragma once

#include <vector>

#include "kumiko/schedule/costs.h"
#include "kumiko/schedule/schedule.h"

namespace kumiko {

// No schedule on the placement of `form`, of as many micro-batches (and parts), costs less, whatever its order; its
// actions are ignored. `limits`: memory of each rank, in the unit of the costs. The largest of:
// - Work and the first wait. From its first action, an F, until its first B a rank runs F only, no more than memory
// holds
//   or there are; that B comes no sooner than a micro-batch goes to the last stage and back. What is left of that time
//   is idle, and all of the rank's work takes place outside of it.
// - Memory times time. A stage holds a micro-batch's activations at least while it goes to the last stage and back, and
//   what W needs during W; over all micro-batches this is at most the limit times the cost.
// - Work behind another rank. All F and B of rank q take place after the first F of an earlier stage on rank r has come
//   down, and before the last B goes back up to it; so do all W of q but those whose memory fits at the end. Rank r
//   takes at least that long, and the way down and up, and its own last W.
// With several routes, whose shares are open, means over ranks take the place of each rank's own work and memory.
double lower_bound(const Schedule& form, const ScheduleCosts& costs, const std::vector<double>& limits);

}  // namespace kumiko
