// What dividing a step among data-parallel ranks costs, as pure functions of its plan: bytes held and bytes sent. Tests
// hold the memory pool's accounting and the communicators' counters to them.
#pragma once

#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/model/memory.h"
#include "kumiko/model/model.h"
#include "kumiko/parallel/sharding.h"

namespace kumiko {

// step_memory with parameters, gradients and optimizer state as `sharding` divides them. Weights and gradients of whole
// units that come and go count at their highest moment.
StepMemory sharded_step_memory(const ModelOptions& model, const StepMemoryShape& shape, const Sharding& sharding);

// Replaces what `memory` has of parameters, gradients and optimizer state by what a rank with `model` holds in a step
// with these visits.
void set_sharded_memory(StepMemory& memory, const Model& model, const StepMemoryShape& shape, const Sharding& sharding,
                        std::vector<UnitVisit> visits);

// Bytes that sums of gradients hold while they are in flight, at most: what the collectives need, and the copies of
// what the tensor axis shares. `num_ranks`: of the data axis.
int64_t gradient_communication_memory(const ParameterRegistry& parameters, const Sharding& sharding, int64_t num_ranks,
                                      DType dtype);

struct DataTrafficShape {
  Sharding sharding;
  int64_t num_ranks = 1;          // of the data axis
  int64_t num_micro_batches = 1;  // of each rank in a step
  RecomputeOptions recompute;
  DType weights = DType::f32;
  bool reproducible = false;
  bool loss_mask = false;
};

// What a rank hands to the data axis in one training step, as World::traffic counts it, and of gradients to the tensor
// axis.
std::vector<TrafficRow> data_traffic(const Model& model, const DataTrafficShape& shape);

}  // namespace kumiko
