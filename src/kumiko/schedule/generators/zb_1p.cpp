#include "kumiko/schedule/generators/zero_bubble_heuristic.h"

namespace kumiko {

// The zero-bubble heuristic with the memory of 1F1B (Qi et al. 2023, section 5).
Schedule make_zb_1p(const ScheduleRequest& request) {
  const double published = request.num_ranks;
  return fit_zero_bubble("zb-1p", request, request.memory_limit == 0 ? published : request.memory_limit);
}

}  // namespace kumiko
