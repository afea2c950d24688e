// What placements on any network share: consecutive ranks fill a node, and the groups of the axes nest in nodes.
#pragma once

#include <string>
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

// User error if `num_nodes` nodes of `network` with `ranks_per_node` each do not hold the mesh.
void check_room(const Mesh& mesh, int64_t num_nodes, int64_t ranks_per_node, const std::string& network);

}  // namespace kumiko
