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

struct DataTrafficShape {
  Sharding sharding;
  int64_t num_ranks = 1;          // of the data axis
  int64_t num_micro_batches = 1;  // of each rank in a step
  RecomputeOptions recompute;
  DType weights = DType::f32;
  bool reproducible = false;
  bool loss_mask = false;
};

// What a rank hands to the data axis in one training step, as World::traffic counts it.
std::vector<TrafficRow> data_traffic(const Model& model, const DataTrafficShape& shape);

}  // namespace kumiko
