#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/schedule/generators.h"

namespace kumiko {

// 1F1B without a flush, weights updated after each g micro-batches, which all take the version before the newest at
// their beginning: W(t + 1) = W(t) - lr gradient(W(t - 1)) (Narayanan et al. 2021, "Memory-efficient pipeline-parallel
// DNN training", section 3.1, PipeDream-2BW). With g >= p two versions do. The last group may be shorter.
Schedule make_pipedream_2bw(const ScheduleRequest& request) {
  const int num_ranks = request.num_ranks;
  const int group_size = request.micro_batches_per_update == 0 ? num_ranks : request.micro_batches_per_update;
  if (group_size < num_ranks)
    throw_user("pipedream-2bw: {} micro-batches per update with {} ranks in the pipeline: expected {} or more",
               group_size, num_ranks, num_ranks);
  Schedule schedule = make_one_forward_one_backward(request);
  schedule.name = "pipedream-2bw";
  schedule.micro_batches_per_update = group_size;
  for (std::vector<Action>& actions : schedule.actions) {
    for (Action& action : actions) action.weight_version = std::max(0, action.micro_batch / group_size - 1);
  }
  return schedule;
}

}  // namespace kumiko
