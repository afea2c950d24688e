// Whether this machine can hold what is asked for, said before anything is allocated.
#pragma once

#include <string>

#include "kumiko/base/machine_memory.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/parallel/sharding.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/config.h"

namespace kumiko {

// Bytes that a rank's training step holds: as predicted (model/memory.h) where a rank has all layers and the machine
// might hold it; otherwise no more than weights, their gradients, the optimizer's state and one tensor of activations.
// `config` must be valid and its sizes filled in.
double bytes_of_step(const Config& config, const BatchLayout& layout, const TensorParallel& part,
                     const Sharding& sharding);

// User error if the ranks on this rank's host, each with `bytes`, need more than its memory and swap together.
// `advice` says what to change.
void check_memory(double bytes, const World& world, const MachineMemory& memory, const std::string& advice);

// The same for a step of training.
void check_memory_of_step(const Config& config, const BatchLayout& layout, const TensorParallel& part,
                          const Sharding& sharding, const World& world);

}  // namespace kumiko
