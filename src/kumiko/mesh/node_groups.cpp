#include "kumiko/mesh/node_groups.h"

#include "kumiko/base/error.h"

namespace kumiko {

std::vector<NodeGroup> node_groups(const Mesh& mesh, int64_t ranks_per_node) {
  std::vector<NodeGroup> groups;
  int64_t room = ranks_per_node;  // of a node for the axes to come
  for (const Axis axis : mesh.order()) {
    const int64_t size = mesh.size(axis);
    if (room % size == 0) {
      room /= size;
    } else if (size % room == 0) {
      groups.push_back({axis, size / room});
      room = 1;
    } else {
      return {};
    }
  }
  return groups;
}

void check_room(const Mesh& mesh, int64_t num_nodes, int64_t ranks_per_node, const std::string& network) {
  if (ranks_per_node < 1) throw_user("{} ranks a node: expected 1 or more", ranks_per_node);
  if (mesh.size() <= num_nodes * ranks_per_node) return;
  throw_user("{} ({} ranks) needs {} nodes of {} ranks each, but {} has {}", mesh.to_string(), mesh.size(),
             (mesh.size() + ranks_per_node - 1) / ranks_per_node, ranks_per_node, network, num_nodes);
}

}  // namespace kumiko
