// When each action of a schedule runs, given what actions cost. An action starts when the one before it on its rank has
// ended and what it needs has come: T_c after its maker's end, from another rank. Messages do not hold up arithmetic
// (Qi et al. 2023, section 5: the same assumption). Costs are those of a micro-batch of the job; where a schedule cuts
// it in parts, each part takes and holds its share.
#pragma once

#include <vector>

#include "kumiko/schedule/costs.h"
#include "kumiko/schedule/schedule.h"

namespace kumiko {

// Of an action at a stage with these times.
double time_of(ActionKind kind, const StageTimes& times);

struct ActionTime {
  double begin = 0;
  double end = 0;
};

struct Simulation {
  std::vector<std::vector<ActionTime>> times;  // as Schedule::actions
  // The longest time that any rank takes from the beginning of its first action to the end of its last.
  double cost = 0;
  // Of `cost`, the share that a rank spends not working, in the mean over ranks: (cost - m T) / cost where stages are
  // alike.
  double bubble_rate = 0;
  std::vector<double> busy;         // of each rank
  std::vector<double> peak_memory;  // of each rank, in the unit of the costs' memory
  // Of each rank: the most activations held at once, counted as ScheduleFacts does.
  std::vector<double> peak_activations;
};

// Internal error if the schedule cannot run to its end; verify it first.
Simulation simulate(const Schedule& schedule, const ScheduleCosts& costs);

}  // namespace kumiko
