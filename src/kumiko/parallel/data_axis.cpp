#include "kumiko/parallel/data_axis.h"

namespace kumiko {

DataCommunicators connect_data_axis(World& world, const Mesh& mesh, const Sharding& sharding) {
  const std::vector<int64_t> all = mesh.group(world.rank(), Axis::data);
  const int64_t coordinate = mesh.coordinate(world.rank(), Axis::data);
  const bool divided = sharding.divides_optimizer();
  const auto first = all.begin() + (divided ? coordinate / sharding.size * sharding.size : 0);
  const std::vector<int64_t> group(first, divided ? first + sharding.size : all.end());
  std::vector<int64_t> same_shard;
  for (auto r = static_cast<size_t>(sharding.rank); r < all.size(); r += static_cast<size_t>(sharding.size)) {
    same_shard.push_back(all[r]);
  }
  const auto connect = [&](const std::vector<int64_t>& ranks) { return world.communicator(Axis::data, ranks); };
  DataCommunicators made{connect(all), connect(group), nullptr, nullptr};
  if (divided) made.weights = connect(group);
  if (divided && same_shard.size() > 1) made.groups = connect(same_shard);
  return made;
}

}  // namespace kumiko
