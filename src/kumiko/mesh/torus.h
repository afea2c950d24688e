// Where on a torus of nodes each rank runs, so that the groups of every axis lie close together: pure functions, from
// which the file is written that Fujitsu's mpiexec takes (--vcoordfile). The 6-D network of Fugaku (TofuD: X, Y, Z and
// A, B, C of 2 x 3 x 2 nodes) shows itself to a job as a torus of up to three virtual dims, each of which folds one of
// A, B, C into one of X, Y, Z, so that neighbours on it are neighbours in the network.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/mesh/mesh.h"

namespace kumiko {

struct TorusShape {
  std::array<int64_t, 3> sizes = {1, 1, 1};  // nodes along x, y, z
  bool wraps = true;                         // or a mesh without the links that close it

  int64_t num_nodes() const { return sizes[0] * sizes[1] * sizes[2]; }
};
// "48x6x48", "48x6x48:mesh", "12". User error if it is not of that form, or of more than most_ranks nodes.
TorusShape parse_torus(std::string_view text);
std::string to_string(const TorusShape& torus);

using NodeCoordinate = std::array<int64_t, 3>;

// Links between two nodes on the shortest way.
int64_t hops_between(const TorusShape& torus, const NodeCoordinate& a, const NodeCoordinate& b);

struct AxisHops {
  Axis axis = Axis::data;
  double mean = 0;  // links from a rank to the next of its group, the last followed by the first
  int64_t most = 0;
};

struct TorusPlacement {
  std::vector<NodeCoordinate> nodes;    // by rank
  std::array<AxisHops, num_axes> hops;  // by axis
  // Whether the groups of the axes are boxes of the torus; otherwise ranks walk through it in one line.
  bool in_boxes = true;
};

// Consecutive ranks share a node, `ranks_per_node` of them; the nodes' worth of each axis, innermost first, becomes a
// box within the box of the next, walked so that each step is to a neighbour. Of all ways to cut the torus into such
// boxes the one is taken with the fewest links between the neighbours of the innermost axis that has several nodes,
// among equals the fewest of the next, and so on outwards. Where the sizes do not cut the torus, ranks walk through all
// of it in one line. User error if there are more ranks than room.
TorusPlacement place_on_torus(const Mesh& mesh, const TorusShape& torus, int64_t ranks_per_node);

// A torus that the groups of the mesh cut into boxes.
struct FittingTorus {
  int64_t ranks_per_node = 1;  // at most those asked for: the most with which groups do not share nodes
  TorusShape torus;
};
FittingTorus fitting_torus(const Mesh& mesh, int64_t ranks_per_node);

// A line "(x,y,z)" for each rank; dims of one node at the end are left out.
std::string vcoordfile(const TorusPlacement& placement, const TorusShape& torus);

}  // namespace kumiko
