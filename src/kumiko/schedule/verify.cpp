#include "kumiko/schedule/verify.h"

#include "kumiko/base/error.h"
#include "kumiko/schedule/check_actions.h"
#include "kumiko/schedule/check_messages.h"

namespace kumiko {
namespace {

void check_shape(const Schedule& schedule) {
  if (schedule.actions.size() != static_cast<size_t>(schedule.num_ranks()))
    throw_internal("schedule {}: {} lists of actions for {} ranks", schedule.name, schedule.actions.size(),
                   schedule.num_ranks());
  if (schedule.message_buffers < 1)
    throw_internal("schedule {}: {} message buffers: expected 1 or more", schedule.name, schedule.message_buffers);
  if (schedule.micro_batches_per_update < 0)
    throw_internal("schedule {}: {} micro-batches per update", schedule.name, schedule.micro_batches_per_update);
  const int num_routes = schedule.placement.num_routes();
  if (!schedule.is_synchronous() && num_routes != 1)
    throw_internal("schedule {}: {} routes, but weights that are updated on the way need one", schedule.name,
                   num_routes);
  for (size_t n = 0; n < schedule.routes.size(); ++n) {
    if (schedule.routes[n] < 0 || schedule.routes[n] >= num_routes)
      throw_internal("schedule {}: micro-batch {} takes route {} of {}", schedule.name, n, schedule.routes[n],
                     num_routes);
  }
}

}  // namespace

ScheduleFacts verify(const Schedule& schedule) {
  check_shape(schedule);
  ScheduleFacts facts;
  for (int rank = 0; rank < schedule.num_ranks(); ++rank) {
    const RankFacts of_rank = check_actions(schedule, rank);
    facts.peak_activations.push_back(of_rank.peak_activations);
    facts.weight_versions.push_back(of_rank.weight_versions);
  }
  check_messages(schedule);
  return facts;
}

}  // namespace kumiko
