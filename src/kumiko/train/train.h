// The training loop.
#pragma once

#include "kumiko/comm/communicator.h"
#include "kumiko/train/config.h"

namespace kumiko {

// Collective over all ranks of `world`. Trains as the configuration says, from its checkpoint if there is one, until
// train_iters, exit_interval, SIGTERM or SIGINT; then saves and returns. Memory comes from
// `pool`. Errors as documented with each part.
void train(const Config& config, World& world, std::shared_ptr<MemoryPool> pool);

}  // namespace kumiko
