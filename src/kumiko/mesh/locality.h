// How far the groups of each axis reach: within a memory domain, a node, a switch, or beyond.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "kumiko/mesh/mesh.h"

namespace kumiko {

// Something that several ranks share, as "node": which one each rank has, by numbers of the caller's choosing.
struct SharedLevel {
  std::string name;
  std::vector<int64_t> of_rank;
};

struct AxisLocality {
  Axis axis = Axis::data;
  int64_t groups = 0;
  std::vector<int64_t> within;  // by level: groups whose ranks share it, and share no inner one
  // "4 in one node, 2 over the network": the levels that groups lie in; `beyond` names what those use that share none.
  std::string to_string(const std::vector<SharedLevel>& levels, const std::string& beyond) const;
};

// By axis. `levels` from the innermost; each lies within the next.
std::array<AxisLocality, num_axes> localities(const Mesh& mesh, const std::vector<SharedLevel>& levels);

}  // namespace kumiko
