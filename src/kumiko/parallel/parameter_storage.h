// The memory of a model's weights and gradients as their sharding says: whole units where nothing is divided, this
// rank's shards where it is. The shards are what the optimizer sees and a checkpoint keeps.
#pragma once

#include <vector>

#include "kumiko/parallel/sharding.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

// A fragment with its elements, each one dim.
struct OwnedFragment {
  Fragment fragment;
  Tensor weight;
  Tensor gradient;
};

class ParameterStorage {
 public:
  // Weights are uninitialised, what fills up shards is zero. `parameters` must outlive this. Places what is whole.
  ParameterStorage(const ParameterRegistry& parameters, const Sharding& sharding, MemoryPool& pool, DType dtype);

  const ParameterRegistry& parameters() const { return parameters_; }
  const Sharding& sharding() const { return sharding_; }
  DType dtype() const { return dtype_; }

  // One dim each. The whole unit, with the shards of all ranks in their order; none where weights (gradients) are
  // divided.
  const Tensor& weights(int unit) const { return units_[static_cast<size_t>(unit)].weights; }
  const Tensor& gradients(int unit) const { return units_[static_cast<size_t>(unit)].gradients; }
  // This rank's shard, a part of the whole or by itself.
  const Tensor& weight_shard(int unit) const { return units_[static_cast<size_t>(unit)].weight_shard; }
  const Tensor& gradient_shard(int unit) const { return units_[static_cast<size_t>(unit)].gradient_shard; }
  // All that this rank keeps of gradients, whole or divided, as one dim.
  const Tensor& kept_gradients() const { return kept_gradients_; }
  // What the shards hold, unit by unit.
  const std::vector<OwnedFragment>& owned() const { return owned_; }

  // Memory for a whole unit, for as long as it is wanted. Uninitialised.
  Tensor make_whole(int unit, MemoryPurpose purpose) const;
  // Draws every weight from `seed` (ParameterRegistry::initialize), unit by unit.
  void initialize(uint64_t seed);

 private:
  struct UnitMemory {
    Tensor weights;
    Tensor gradients;
    Tensor weight_shard;
    Tensor gradient_shard;
  };

  // Cuts one block into units, each whole or a shard.
  Tensor cut(MemoryPurpose purpose, bool divided, Tensor UnitMemory::*whole, Tensor UnitMemory::*shard);

  const ParameterRegistry& parameters_;
  Sharding sharding_;
  MemoryPool& pool_;
  DType dtype_;
  std::vector<UnitMemory> units_;
  Tensor kept_gradients_;
  std::vector<OwnedFragment> owned_;
};

}  // namespace kumiko
