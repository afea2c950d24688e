#include "kumiko/schedule/generators/delayed_weights.h"

#include <algorithm>

namespace kumiko {

void append_delayed_weights(Schedule& schedule, int rank, int ahead, int lag) {
  std::vector<Action>& actions = schedule.actions[static_cast<size_t>(rank)];
  const int num_micro_batches = schedule.num_micro_batches();
  int forwards = 0;
  int weights = 0;
  const auto forward = [&] { actions.push_back({ActionKind::forward, rank, forwards++}); };
  const auto weight = [&] { actions.push_back({ActionKind::weight, rank, weights++}); };
  while (forwards < std::min(ahead, num_micro_batches)) forward();
  for (int backwards = 0; backwards < num_micro_batches; ++backwards) {
    actions.push_back({ActionKind::backward, rank, backwards});
    if (backwards + 1 - weights > lag) weight();
    if (forwards < num_micro_batches) forward();
  }
  while (weights < num_micro_batches) weight();
}

}  // namespace kumiko
