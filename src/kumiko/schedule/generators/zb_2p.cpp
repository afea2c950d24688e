#include "kumiko/schedule/generators/zero_bubble_heuristic.h"

namespace kumiko {

// The zero-bubble heuristic with twice the memory of 1F1B, enough for a steady state without bubbles (Qi et al. 2023,
// section 5).
Schedule make_zb_2p(const ScheduleRequest& request) {
  const double published = 2.0 * request.num_ranks;
  return fit_zero_bubble("zb-2p", request, request.memory_limit == 0 ? published : request.memory_limit);
}

}  // namespace kumiko
