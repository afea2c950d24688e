// How what a model's training holds is divided among data-parallel ranks: ZeRO (Rajbhandari et al. 2020, sections 5 and
// 7), one mechanism with three switches. A unit's parameters lie one after another in flat memory; a shard is one of
// `size` equal runs of it. Where runs begin and end is nobody's business but this room's: outside there are boxes.
#pragma once

#include <cstdint>
#include <vector>

#include "kumiko/model/parameter.h"

namespace kumiko {

struct Sharding {
  int64_t stage = 0;  // 1: the optimizer's state is divided; 2: and gradients; 3: and weights
  int64_t size = 1;   // ranks among which; they make up one group of the data axis
  int64_t rank = 0;   // this one, in its group

  // This rank's sharding at `coordinate` of a data axis of `num_ranks`, in groups of `group_size` (0: one group).
  static Sharding of(int64_t stage, int64_t group_size, int64_t num_ranks, int64_t coordinate);

  bool divides_optimizer() const { return stage >= 1 && size > 1; }
  bool divides_gradients() const { return stage >= 2 && size > 1; }
  bool divides_weights() const { return stage >= 3 && size > 1; }
};

// User error, naming the nearest sizes that do, unless groups of `group_size` make up the data axis.
void check_sharding(int64_t stage, int64_t group_size, int64_t data_parallel_size);

// Elements of each rank's shard of a unit, the same on all of them: shards begin on cache lines, and zeros fill the
// last one.
int64_t shard_elements(const ParameterRegistry& parameters, const Sharding& sharding, int unit);
// Of all units: what a rank holds of each thing that is divided.
int64_t shard_elements(const ParameterRegistry& parameters, const Sharding& sharding);
// Elements of a whole unit in memory: its shards one after another.
int64_t whole_elements(const ParameterRegistry& parameters, const Sharding& sharding, int unit);

// A run of a parameter's elements that lies in this rank's shard.
struct Fragment {
  size_t parameter = 0;  // index into ParameterRegistry::all()
  int64_t begin = 0;     // of the local tensor's elements
  int64_t count = 0;
  int64_t place = 0;  // of the first of them in the unit's shard
};
std::vector<Fragment> fragments_of(const ParameterRegistry& parameters, const Sharding& sharding, int unit);

// The run of a fragment that lies in one part of its parameter.
struct PartRun {
  const ParameterPart* part = nullptr;
  int64_t begin = 0;  // of the part's elements, row by row
  int64_t count = 0;
  int64_t in_fragment = 0;  // where the first of them is in the fragment
};
std::vector<PartRun> part_runs(const ParameterRegistry& parameters, const Fragment& fragment);

}  // namespace kumiko
