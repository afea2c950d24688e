#include "kumiko/mesh/fat_tree.h"

#include <algorithm>
#include <map>

#include "kumiko/mesh/node_groups.h"

namespace kumiko {
namespace {

using Leaf = std::vector<int64_t>;  // indices of nodes

std::vector<Leaf> leaves_of(const std::vector<TreeNode>& nodes) {
  std::map<std::pair<int64_t, int64_t>, Leaf> by_switch;
  for (size_t i = 0; i < nodes.size(); ++i) {
    by_switch[{nodes[i].pod, nodes[i].leaf}].push_back(static_cast<int64_t>(i));
  }
  std::vector<Leaf> leaves;
  for (auto& [place, leaf] : by_switch) leaves.push_back(std::move(leaf));
  return leaves;
}

// The nodes in the order in which ranks fill them.
std::vector<int64_t> order_of(const Mesh& mesh, const std::vector<TreeNode>& nodes, int64_t ranks_per_node) {
  std::vector<Leaf> leaves = leaves_of(nodes);
  std::vector<int64_t> sizes = {1};  // nodes of a group, of each axis from the innermost
  for (const NodeGroup& group : node_groups(mesh, ranks_per_node)) sizes.push_back(sizes.back() * group.nodes);
  std::vector<int64_t> order;
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    for (Leaf& leaf : leaves) {
      const auto whole = static_cast<std::ptrdiff_t>(static_cast<int64_t>(leaf.size()) / *size * *size);
      order.insert(order.end(), leaf.begin(), leaf.begin() + whole);
      leaf.erase(leaf.begin(), leaf.begin() + whole);
    }
  }
  return order;
}

AxisLocality locality_of(const Mesh& mesh, const std::vector<TreeNode>& nodes, const std::vector<int64_t>& node_of,
                         Axis axis) {
  AxisLocality locality{axis};
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    if (mesh.coordinate(rank, axis) != 0) continue;
    ++locality.groups;
    bool node = true;
    bool leaf = true;
    bool pod = true;
    const int64_t first = node_of[static_cast<size_t>(rank)];
    const TreeNode& place = nodes[static_cast<size_t>(first)];
    for (int64_t i = 1; i < mesh.size(axis); ++i) {
      const int64_t other = node_of[static_cast<size_t>(rank + i * mesh.stride(axis))];
      const TreeNode& there = nodes[static_cast<size_t>(other)];
      node = node && other == first;
      pod = pod && there.pod == place.pod;
      leaf = leaf && pod && there.leaf == place.leaf;
    }
    if (node) {
      ++locality.in_node;
    } else if (leaf) {
      ++locality.in_leaf;
    } else if (pod) {
      ++locality.in_pod;
    }
  }
  return locality;
}

}  // namespace

FatTreePlacement place_on_fat_tree(const Mesh& mesh, const std::vector<TreeNode>& nodes, int64_t ranks_per_node) {
  check_room(mesh, static_cast<int64_t>(nodes.size()), ranks_per_node, "the fat tree");
  const std::vector<int64_t> order = order_of(mesh, nodes, ranks_per_node);
  FatTreePlacement placement;
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    placement.nodes.push_back(order[static_cast<size_t>(rank / ranks_per_node)]);
  }
  for (size_t axis = 0; axis < num_axes; ++axis) {
    placement.locality[axis] = locality_of(mesh, nodes, placement.nodes, static_cast<Axis>(axis));
  }
  return placement;
}

}  // namespace kumiko
