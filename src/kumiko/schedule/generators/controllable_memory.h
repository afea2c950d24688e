// What ZB-V, V-Half and V-Min share: two stages a rank in the shape of a V, so that a rank which holds one stage's
// activations long holds the other's shortly (Qi et al. 2024, "Pipeline Parallelism with Controllable Memory").
#pragma once

#include <array>
#include <string>

#include "kumiko/schedule/generators.h"

namespace kumiko {

// The order of F and B on each rank with W placed as suits the request's times best. `limit`: micro-batches through
// both stages of a rank that it may hold until their W.
Schedule fit_weights(const Schedule& order, const ScheduleRequest& request, double limit);

// Of one micro-batch on one rank, in slots of one F, B or W of one stage: F of its first stage and of its second, B of
// its second and of its first.
using BuildingBlock = std::array<int, 4>;

// Every micro-batch's block six slots after the one before, W in the slots that they leave, and then everything as soon
// as its inputs are there and memory, which stays what the blocks need, allows. `limit` as above.
Schedule repeat_block(std::string name, const ScheduleRequest& request, BuildingBlock (*block)(int rank, int num_ranks),
                      double limit);

}  // namespace kumiko
