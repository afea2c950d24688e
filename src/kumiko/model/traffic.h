// What a training step hands to the tensor axis, as a pure function of its shape. A test holds the communicator's
// counters to it, byte for byte. The whole layer: of each residual branch the sum of [T, H], forward and backward
// (Narayanan et al. 2021, section 3.2), which sequence parallelism divides into a gather and a scatter of as many
// bytes.
#pragma once

#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/model/memory.h"

namespace kumiko {

// Calls and bytes by verb and purpose, as World::traffic counts them on each rank; none for a tensor axis of one rank.
// Gradients that ranks share are those of data_traffic (parallel/zero_formulas.h).
// `num_chunks`: TensorExchange's. `model` must be valid.
std::vector<TrafficRow> tensor_traffic(const ModelOptions& model, const StepMemoryShape& shape, int64_t num_chunks = 1);

}  // namespace kumiko
