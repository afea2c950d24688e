#include "kumiko/mesh/fat_tree.h"

#include <algorithm>
#include <map>

#include "kumiko/mesh/node_groups.h"

namespace kumiko {
namespace {

using Nodes = std::vector<int64_t>;  // indices

// The nodes of all parts in the order in which groups fill them: of each part first as many whole groups as it has of
// the largest size, then of the next.
Nodes in_whole_groups(std::vector<Nodes> parts, const std::vector<int64_t>& sizes) {
  Nodes order;
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    for (Nodes& part : parts) {
      const auto whole = static_cast<std::ptrdiff_t>(static_cast<int64_t>(part.size()) / *size * *size);
      order.insert(order.end(), part.begin(), part.begin() + whole);
      part.erase(part.begin(), part.begin() + whole);
    }
  }
  return order;
}

// The nodes in the order in which ranks fill them.
Nodes order_of(const Mesh& mesh, const std::vector<TreeNode>& nodes, int64_t ranks_per_node) {
  std::vector<int64_t> sizes = {1};  // nodes of a group, of each axis from the innermost
  for (const NodeGroup& group : node_groups(mesh, ranks_per_node)) sizes.push_back(sizes.back() * group.nodes);
  std::map<int64_t, std::map<int64_t, Nodes>> by_switch;
  for (size_t i = 0; i < nodes.size(); ++i) by_switch[nodes[i].pod][nodes[i].leaf].push_back(static_cast<int64_t>(i));
  std::vector<Nodes> pods;
  for (auto& [pod, leaves] : by_switch) {
    std::vector<Nodes> parts;
    for (auto& [leaf, part] : leaves) parts.push_back(std::move(part));
    // Larger groups come first, so that no later cut at the end of a group cuts a smaller one.
    pods.push_back(in_whole_groups(std::move(parts), sizes));
  }
  return in_whole_groups(std::move(pods), sizes);
}

}  // namespace

std::vector<TreeNode> parse_fat_tree(std::string_view text) {
  std::vector<int64_t> sizes =
      parse_network(text, 2, 3, "fat tree", "LEAVESxNODES as 24x16, or PODSxLEAVESxNODES as 8x24x16");
  if (sizes.size() == 2) sizes.insert(sizes.begin(), 1);
  std::vector<TreeNode> nodes;
  for (int64_t pod = 0; pod < sizes[0]; ++pod) {
    for (int64_t leaf = 0; leaf < sizes[1]; ++leaf)
      nodes.insert(nodes.end(), static_cast<size_t>(sizes[2]), {pod, leaf});
  }
  return nodes;
}

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
