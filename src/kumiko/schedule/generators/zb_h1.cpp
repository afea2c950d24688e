#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/generators/delayed_weights.h"

namespace kumiko {

// 1F1B with the W of stage s put off by s micro-batches, so that B goes back to the first stage sooner (Qi et al. 2023,
// "Zero bubble pipeline parallelism", section 2.1): no rank holds more than the first of 1F1B, p micro-batches.
Schedule make_zb_h1(const ScheduleRequest& request) {
  Schedule schedule =
      empty_schedule("zb-h1", StagePlacement::interleaved(request.num_ranks), request.num_micro_batches);
  for (int rank = 0; rank < request.num_ranks; ++rank)
    append_delayed_weights(schedule, rank, request.num_ranks - rank, rank);
  return schedule;
}

}  // namespace kumiko
