// What ZB-H1 and ZB-H2 share: one F, one B, and W some micro-batches behind.
#pragma once

#include "kumiko/schedule/schedule.h"

namespace kumiko {

// Appends the actions of `rank`, which holds stage `rank` alone: `ahead` F (or all m) before the first B; then B and F
// in turn, with a W behind B whenever more than `lag` of them are left to do; the rest of W at the end.
void append_delayed_weights(Schedule& schedule, int rank, int ahead, int lag);

}  // namespace kumiko
