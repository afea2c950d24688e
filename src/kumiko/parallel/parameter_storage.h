// The memory of a model's weights and gradients as their sharding says: whole units where nothing is divided, this
// rank's shards where it is. The shards are what the optimizer sees and a checkpoint keeps.
#pragma once

#include <optional>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/parallel/sharding.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

// A fragment with its elements, each one dim.
struct OwnedFragment {
  Fragment fragment;
  Tensor weight;
  Tensor gradient;
};

// A box of a logical tensor with its elements, which a fragment holds.
struct OwnedBox {
  const ParameterPart* part = nullptr;
  Box box;
  Tensor elements;
};
// `elements`: what there is of the fragment, its weights, gradients or what an optimizer keeps.
std::vector<OwnedBox> boxes_of(const ParameterRegistry& parameters, const Fragment& fragment, const Tensor& elements);

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

  // The other ranks' shards of a whole unit's weights are on their way: wait before reading them. They are new to
  // whoever has laid them out until the unit is waited for by itself.
  void weights_arrive(int unit, Event event) { arriving_[static_cast<size_t>(unit)] = std::move(event); }
  bool has_new_weights(int unit) const { return arriving_[static_cast<size_t>(unit)].has_value(); }
  void wait_for_weights(int unit);
  void wait_for_weights() const;

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
  std::vector<std::optional<Event>> arriving_;
  Tensor kept_gradients_;
  std::vector<OwnedFragment> owned_;
};

}  // namespace kumiko
