// What placements on any network share: consecutive ranks fill a node, and the groups of the axes nest in nodes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kumiko/mesh/mesh.h"

namespace kumiko {

// An axis whose group reaches over nodes: its ranks lie on `nodes` of them, or, if inner axes do so as well, on so many
// times as many.
struct NodeGroup {
  Axis axis = Axis::data;
  int64_t nodes = 1;
};

// Innermost first, axes within a node left out. Empty if a node's ranks are not a whole part of the axes' groups, so
// that groups share nodes; or if one node holds all.
std::vector<NodeGroup> node_groups(const Mesh& mesh, int64_t ranks_per_node);

// User error unless 1 to most_ranks.
void check_ranks_per_node(int64_t ranks_per_node);

// The sizes of a network written as "48x6x48": `least` to `most` of them. User error, which says what was `expected`
// of `network`, if it is not of that form, and if there are more than most_ranks nodes.
std::vector<int64_t> parse_network(std::string_view text, size_t least, size_t most, std::string_view network,
                                   std::string_view expected);

// User error if `num_nodes` nodes of `network` with `ranks_per_node` each, at most most_ranks of either, do not hold
// the mesh.
void check_room(const Mesh& mesh, int64_t num_nodes, int64_t ranks_per_node, const std::string& network);

}  // namespace kumiko
