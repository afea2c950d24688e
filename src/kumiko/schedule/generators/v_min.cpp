#include "kumiko/schedule/generators/controllable_memory.h"

namespace kumiko {
namespace {

BuildingBlock v_min_block(int rank, int num_ranks) {
  const int extra = num_ranks % 3 == 0 ? 2 : 0;  // or two actions would fall on one slot
  return {rank, 2 * num_ranks - rank - 1, 2 * num_ranks + extra + rank, 4 * num_ranks + extra - rank - 1};
}

}  // namespace

// About a third of 1F1B's activations, the least that a V needs, and two thirds of its bubble where F, B and W take the
// same time.
Schedule make_v_min(const ScheduleRequest& request) {
  return repeat_block("v-min", request, v_min_block, (request.num_ranks + 4) / 3);
}

}  // namespace kumiko
