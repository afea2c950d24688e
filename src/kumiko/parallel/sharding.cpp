#include "kumiko/parallel/sharding.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {

Sharding Sharding::of(int64_t stage, int64_t group_size, int64_t num_ranks, int64_t coordinate) {
  if (stage == 0) return {};
  const int64_t size = group_size == 0 ? num_ranks : group_size;
  return {stage, size, coordinate % size};
}

void check_sharding(int64_t stage, int64_t group_size, int64_t data_parallel_size) {
  if (group_size == 0) return;
  if (stage == 0) {
    throw_user(
        "parallel.zero_group_size = {} has no meaning with parallel.zero_stage = 0, which divides nothing; set the "
        "stage to 1, 2 or 3, or leave the group size at 0",
        group_size);
  }
  if (data_parallel_size % group_size == 0) return;
  int64_t below = std::min(group_size, data_parallel_size);
  while (data_parallel_size % below != 0) --below;
  int64_t above = std::min(group_size, data_parallel_size);
  while (data_parallel_size % above != 0) ++above;
  throw_user(
      "parallel.zero_group_size = {} does not divide the data-parallel size {}; the nearest sizes that do are {}",
      group_size, data_parallel_size,
      below == above ? fmt::format("{}", below) : fmt::format("{} and {}", below, above));
}

int64_t shard_elements(const ParameterRegistry& parameters, const Sharding& sharding, int unit) {
  const int64_t each = (parameters.unit_elements(unit) + sharding.size - 1) / sharding.size;
  return padded_elements(each);
}

int64_t shard_elements(const ParameterRegistry& parameters, const Sharding& sharding) {
  int64_t count = 0;
  for (int unit = 0; unit < parameters.num_units(); ++unit) count += shard_elements(parameters, sharding, unit);
  return count;
}

int64_t whole_elements(const ParameterRegistry& parameters, const Sharding& sharding, int unit) {
  return shard_elements(parameters, sharding, unit) * sharding.size;
}

std::vector<Fragment> fragments_of(const ParameterRegistry& parameters, const Sharding& sharding, int unit) {
  const int64_t shard = shard_elements(parameters, sharding, unit);
  const int64_t first = shard * sharding.rank;
  std::vector<Fragment> fragments;
  int64_t start = 0;  // of the parameter in the unit
  for (size_t i = 0; i < parameters.all().size(); ++i) {
    const Parameter& parameter = *parameters.all()[i];
    if (parameter.unit != unit) continue;
    const int64_t count = parameter.shape.num_elements();
    const int64_t begin = std::max(start, first);
    const int64_t end = std::min(start + count, first + shard);
    if (begin < end) fragments.push_back({i, begin - start, end - begin, begin - first});
    start += padded_elements(count);
  }
  return fragments;
}

std::vector<PartRun> part_runs(const ParameterRegistry& parameters, const Fragment& fragment) {
  const Parameter& parameter = *parameters.all()[fragment.parameter];
  const int64_t row = parameter.shape.num_elements() / parameter.shape[0];
  std::vector<PartRun> runs;
  for (const ParameterPart& part : parameter.parts) {
    const int64_t first = part.first_row * row;
    const int64_t begin = std::max(first, fragment.begin);
    const int64_t end = std::min(first + part.box.num_elements(), fragment.begin + fragment.count);
    if (begin < end) runs.push_back({&part, begin - first, end - begin, begin - fragment.begin});
  }
  return runs;
}

}  // namespace kumiko
