#include "kumiko/schedule/schedule.h"

#include <fmt/core.h>

#include <utility>

namespace kumiko {

std::string_view name_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::forward:
      return "F";
    case ActionKind::backward:
      return "B";
    case ActionKind::weight:
      return "W";
    case ActionKind::whole_backward:
      return "BW";
  }
  return "unknown";
}

std::string to_string(const Action& action) {
  std::string text =
      fmt::format("{} of micro-batch {} at stage {}", name_of(action.kind), action.micro_batch, action.stage);
  if (action.weight_version != 0) text += fmt::format(" with weights of version {}", action.weight_version);
  return text;
}

Schedule empty_schedule(std::string name, StagePlacement placement, int num_micro_batches) {
  Schedule schedule;
  schedule.name = std::move(name);
  schedule.placement = std::move(placement);
  schedule.routes.resize(static_cast<size_t>(num_micro_batches));
  schedule.actions.resize(static_cast<size_t>(schedule.num_ranks()));
  return schedule;
}

}  // namespace kumiko
