// A smaller world within another: its first ranks. A benchmark runs several sizes of one job in it.
#pragma once

#include <memory>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// The world of the ranks 0 to size - 1 of `world`, which must outlive it; traffic and recording are those of `world`.
// Not collective. Internal error on a rank that is not among them.
std::unique_ptr<World> first_ranks(World& world, int64_t size);

}  // namespace kumiko
