// The training loop.
#pragma once

#include "kumiko/comm/communicator.h"
#include "kumiko/train/config.h"
#include "kumiko/train/signals.h"

namespace kumiko {

// Collective over all ranks of `world`. Trains as the configuration says, from its checkpoint if there is one, until
// train_iters, exit_interval, exit_duration_in_mins or a signal; then saves and returns. Memory comes from `pool`.
// Errors as documented with each part.
void train(const Config& config, World& world, std::shared_ptr<MemoryPool> pool, StopSignals& signals);

}  // namespace kumiko
