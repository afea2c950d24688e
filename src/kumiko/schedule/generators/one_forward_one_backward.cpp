#include <algorithm>

#include "kumiko/schedule/generators.h"

namespace kumiko {

// Stage s runs p - s F ahead of its backward, then one backward for each F (Narayanan et al. 2021, "Memory-efficient
// pipeline-parallel DNN training", PipeDream-Flush; Fan et al. 2021, "DAPPLE").
Schedule make_one_forward_one_backward(const ScheduleRequest& request) {
  const int num_micro_batches = request.num_micro_batches;
  Schedule schedule = empty_schedule("1f1b", StagePlacement::interleaved(request.num_ranks), num_micro_batches);
  for (int rank = 0; rank < request.num_ranks; ++rank) {
    std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
    int forwards = 0;
    const auto forward = [&] { actions.push_back({ActionKind::forward, rank, forwards++}); };
    const int ahead = std::min(request.num_ranks - rank, num_micro_batches);
    while (forwards < ahead) forward();
    for (int backwards = 0; backwards < num_micro_batches; ++backwards) {
      actions.push_back({ActionKind::whole_backward, rank, backwards});
      if (forwards < num_micro_batches) forward();
    }
  }
  return schedule;
}

}  // namespace kumiko
