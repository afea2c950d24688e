#include "kumiko/schedule/generators.h"

namespace kumiko {

// All F, then all B (Huang et al. 2019, "GPipe", figure 2c): every micro-batch's activations are there at once.
Schedule make_gpipe(const ScheduleRequest& request) {
  Schedule schedule =
      empty_schedule("gpipe", StagePlacement::interleaved(request.num_ranks), request.num_micro_batches);
  for (int rank = 0; rank < request.num_ranks; ++rank) {
    std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
    for (const ActionKind kind : {ActionKind::forward, ActionKind::whole_backward}) {
      for (int n = 0; n < request.num_micro_batches; ++n) actions.push_back({kind, rank, n});
    }
  }
  return schedule;
}

}  // namespace kumiko
