// Which nodes of a fat tree each rank runs on, so that groups of inner axes stay under one leaf switch. A pure
// function.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kumiko/mesh/locality.h"
#include "kumiko/mesh/mesh.h"

namespace kumiko {

// Where a node hangs, by numbers of the site's choosing.
struct TreeNode {
  int64_t pod = 0;   // of leaf switches
  int64_t leaf = 0;  // a switch of that pod
};

// "24x16" of leaves and nodes under each, "8x24x16" with pods of so many leaves. User error if it is not of that form,
// or of more than most_ranks nodes.
std::vector<TreeNode> parse_fat_tree(std::string_view text);

struct FatTreePlacement {
  std::vector<int64_t> nodes;       // by rank: an index into the nodes
  std::vector<SharedLevel> levels;  // node, leaf switch, pod
};

// Consecutive ranks share a node, `ranks_per_node` of them. In each pod first as many whole groups as fit of the
// outermost axis whose group fits into one at all, then of the next inner axis, so that what is left over of several
// pods, which makes up groups too, is cut as far outside as possible; within a pod the same with its leaves. User error
// if there are more ranks than room.
FatTreePlacement place_on_fat_tree(const Mesh& mesh, const std::vector<TreeNode>& nodes, int64_t ranks_per_node);

}  // namespace kumiko
