// The heuristic behind ZB-1p and ZB-2p: a schedule with one stage a rank fitted to measured times under a limit of
// memory (Qi et al. 2023, "Zero Bubble Pipeline Parallelism", section 3.1).
#pragma once

#include <string>

#include "kumiko/schedule/generators.h"

namespace kumiko {

// The best of all settings of the heuristic's choices. `limit`: micro-batches whose activations a rank may hold, at
// least 1; what a micro-batch holds between its B and its W counts as the costs' memory says.
Schedule fit_zero_bubble(std::string name, const ScheduleRequest& request, double limit);

}  // namespace kumiko
