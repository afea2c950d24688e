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

}  // namespace

FatTreePlacement place_on_fat_tree(const Mesh& mesh, const std::vector<TreeNode>& nodes, int64_t ranks_per_node) {
  check_room(mesh, static_cast<int64_t>(nodes.size()), ranks_per_node, "the fat tree");
  const std::vector<int64_t> order = order_of(mesh, nodes, ranks_per_node);
  // Leaves of different pods may have the same number.
  std::map<std::pair<int64_t, int64_t>, int64_t> leaves;
  for (const TreeNode& node : nodes) leaves.emplace(std::pair(node.pod, node.leaf), leaves.size());
  FatTreePlacement placement;
  placement.levels = {{"node", {}}, {"leaf switch", {}}, {"pod", {}}};
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    const int64_t node = order[static_cast<size_t>(rank / ranks_per_node)];
    const TreeNode& place = nodes[static_cast<size_t>(node)];
    placement.nodes.push_back(node);
    placement.levels[0].of_rank.push_back(node);
    placement.levels[1].of_rank.push_back(leaves.at({place.pod, place.leaf}));
    placement.levels[2].of_rank.push_back(place.pod);
  }
  return placement;
}

}  // namespace kumiko
