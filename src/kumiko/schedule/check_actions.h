// The rules that a rank's list of actions can be held to without looking at other ranks; a part of verify().
#pragma once

#include <cstddef>
#include <string_view>

#include "kumiko/schedule/schedule.h"

namespace kumiko {

struct RankFacts {
  double peak_activations = 0;  // as in ScheduleFacts
  int weight_versions = 1;
};

// Internal error as verify() says.
RankFacts check_actions(const Schedule& schedule, int rank);

// "schedule 1f1b: rank 2, place 5: B of micro-batch 3 at stage 2: its F has not run". Places count from 0.
[[noreturn]] void throw_broken(const Schedule& schedule, int rank, size_t place, std::string_view why);

}  // namespace kumiko
