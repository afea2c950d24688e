#include "kumiko/schedule/generators/controllable_memory.h"

namespace kumiko {
namespace {

BuildingBlock v_half_block(int rank, int num_ranks) {
  const int extra = num_ranks % 2 == 0 ? 3 : 0;  // or two actions would fall on one slot
  return {2 * rank, 3 * num_ranks - rank - 2, 3 * num_ranks + extra + 2 * rank - 1, 6 * num_ranks + extra - rank - 2};
}

}  // namespace

// About half of 1F1B's activations, and half of its bubble where F, B and W take the same time.
Schedule make_v_half(const ScheduleRequest& request) {
  return repeat_block("v-half", request, v_half_block, request.num_ranks / 2 + 1);
}

}  // namespace kumiko
