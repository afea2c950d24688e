#include "kumiko/parallel/parameter_storage.h"

namespace kumiko {

ParameterStorage::ParameterStorage(const ParameterRegistry& parameters, const Sharding& sharding, MemoryPool& pool,
                                   DType dtype)
    : parameters_(parameters),
      sharding_(sharding),
      pool_(pool),
      dtype_(dtype),
      units_(static_cast<size_t>(parameters.num_units())) {
  cut(MemoryPurpose::parameters, sharding.divides_weights(), &UnitMemory::weights, &UnitMemory::weight_shard);
  kept_gradients_ =
      cut(MemoryPurpose::gradients, sharding.divides_gradients(), &UnitMemory::gradients, &UnitMemory::gradient_shard);
  for (int unit = 0; unit < parameters.num_units(); ++unit) {
    parameters.place_values(unit, weights(unit));
    parameters.place_gradients(unit, gradients(unit));
    for (const Fragment& fragment : fragments_of(parameters, sharding, unit)) {
      owned_.push_back({fragment, weight_shard(unit).slice(fragment.place, fragment.count),
                        gradient_shard(unit).slice(fragment.place, fragment.count)});
    }
  }
}

Tensor ParameterStorage::cut(MemoryPurpose purpose, bool divided, Tensor UnitMemory::*whole,
                             Tensor UnitMemory::*shard) {
  int64_t total = 0;
  for (int unit = 0; unit < parameters_.num_units(); ++unit) {
    total += shard_elements(parameters_, sharding_, unit) * (divided ? 1 : sharding_.size);
  }
  const Tensor block = Tensor::zeros(pool_, {total}, dtype_, purpose);
  int64_t begin = 0;
  for (int unit = 0; unit < parameters_.num_units(); ++unit) {
    UnitMemory& memory = units_[static_cast<size_t>(unit)];
    const int64_t count = shard_elements(parameters_, sharding_, unit);
    if (divided) {
      memory.*shard = block.slice(begin, count);
      begin += count;
    } else {
      memory.*whole = block.slice(begin, count * sharding_.size);
      memory.*shard = (memory.*whole).slice(count * sharding_.rank, count);
      begin += count * sharding_.size;
    }
  }
  return block;
}

Tensor ParameterStorage::make_whole(int unit, MemoryPurpose purpose) const {
  return Tensor::empty(pool_, {whole_elements(parameters_, sharding_, unit)}, dtype_, purpose);
}

void ParameterStorage::initialize(uint64_t seed) {
  if (!sharding_.divides_weights()) return parameters_.initialize(seed);
  for (int unit = 0; unit < parameters_.num_units(); ++unit) {
    const Tensor whole = make_whole(unit, MemoryPurpose::parameters);
    fill_zero(whole);
    parameters_.place_values(unit, whole);
    parameters_.initialize_unit(unit, seed);
    const Tensor& shard = weight_shard(unit);
    copy(whole.slice(shard.num_elements() * sharding_.rank, shard.num_elements()), shard);
    parameters_.place_values(unit, {});
  }
}

}  // namespace kumiko
