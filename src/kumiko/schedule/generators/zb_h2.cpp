#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/generators/delayed_weights.h"

namespace kumiko {

// More F before the first B, and W put off twice as long as in ZB-H1: with T_F = T_B = T_W no bubble but those before
// the first F and behind the last W of a rank (Qi et al. 2023, section 2.2). Each rank holds 2 p - 1 micro-batches.
Schedule make_zb_h2(const ScheduleRequest& request) {
  Schedule schedule =
      empty_schedule("zb-h2", StagePlacement::interleaved(request.num_ranks), request.num_micro_batches);
  for (int rank = 0; rank < request.num_ranks; ++rank)
    append_delayed_weights(schedule, rank, 2 * (request.num_ranks - rank) - 1, 2 * rank);
  return schedule;
}

}  // namespace kumiko
