#include <algorithm>

#include "kumiko/schedule/generators.h"

namespace kumiko {
namespace {

// 1F1B without a flush, weights updated after each micro-batch. `behind(stage)`: the updates that a micro-batch's
// weights lack, of those that the micro-batches before it make.
template <class Behind>
Schedule with_updates(const ScheduleRequest& request, const char* name, Behind behind) {
  Schedule schedule = make_one_forward_one_backward(request);
  schedule.name = name;
  schedule.micro_batches_per_update = 1;
  for (std::vector<Action>& actions : schedule.actions) {
    for (Action& action : actions)
      action.weight_version = std::max(0, action.micro_batch - behind(static_cast<int>(action.stage)));
  }
  return schedule;
}

}  // namespace

// F takes a stage's newest weights, and BW those of its F, which are kept until then (Harlap et al. 2018, "PipeDream",
// section 3.3, weight stashing): stage s has p - s versions.
Schedule make_pipedream(const ScheduleRequest& request) {
  return with_updates(request, "pipedream", [p = request.num_ranks](int stage) { return p - stage - 1; });
}

// As PipeDream, but a micro-batch takes the weights of one version at all stages: what the first stage has (section
// 3.3, vertical sync). Every stage has p versions.
Schedule make_pipedream_vertical_sync(const ScheduleRequest& request) {
  return with_updates(request, "pipedream-vertical-sync", [p = request.num_ranks](int /*stage*/) { return p - 1; });
}

}  // namespace kumiko
