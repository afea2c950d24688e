// Which nodes of a fat tree each rank runs on, so that groups of inner axes stay under one leaf switch. A pure
// function.
#pragma once

#include <cstdint>
#include <vector>

#include "kumiko/mesh/locality.h"
#include "kumiko/mesh/mesh.h"

namespace kumiko {

// Where a node hangs, by numbers of the site's choosing.
struct TreeNode {
  int64_t pod = 0;   // of leaf switches
  int64_t leaf = 0;  // a switch of that pod
};

struct FatTreePlacement {
  std::vector<int64_t> nodes;       // by rank: an index into the nodes
  std::vector<SharedLevel> levels;  // node, leaf switch, pod
};

// Consecutive ranks share a node, `ranks_per_node` of them. Under each leaf first as many whole groups as fit of the
// outermost axis whose group fits under one at all, then of the next inner axis, so that what is left over of several
// leaves, which makes up groups too, is cut as far outside as possible. Leaves are taken pod by pod. User error if
// there are more ranks than room.
FatTreePlacement place_on_fat_tree(const Mesh& mesh, const std::vector<TreeNode>& nodes, int64_t ranks_per_node);

}  // namespace kumiko
