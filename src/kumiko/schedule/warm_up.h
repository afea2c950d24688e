// The warm-up of a synchronous schedule: what each rank can do of a step before any rank touches a gradient. So it can
// run while it is not yet known whether the update before it was right, and be done anew if it was not (Qi et al. 2023,
// "Zero Bubble Pipeline Parallelism", section 4).
#pragma once

#include <vector>

#include "kumiko/schedule/lower.h"

namespace kumiko {

// Of each rank, how many of its first actions: those that come to pass if every rank stops before its first B, BW, W or
// F of the last stage, which makes the gradients of the head. So no action of a warm-up waits for one outside.
std::vector<size_t> warm_up_lengths(const Schedule& schedule);

struct WarmUp {
  size_t num_actions = 0;
  std::vector<bool> receives;  // of each of RankProgram::receives: whether the warm-up of its sender makes it
};
// Of the rank, whose program that is.
WarmUp warm_up_of(const Schedule& schedule, int rank, const RankProgram& program);

}  // namespace kumiko
