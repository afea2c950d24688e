// The node under this process: what its cores and memories are, and putting a rank's threads and memory where
// mesh/placement.h says. By hwloc; without it (no_hwloc.cpp) all that is known is the number of cores, and nothing is
// bound.
#pragma once

#include <string>
#include <vector>

#include "kumiko/mesh/placement.h"

namespace kumiko {

class Node {
 public:
  // Environment error if hwloc cannot describe the node.
  static Node discover();

  // All cores that the system lets this job use, whatever this process is bound to.
  const NodeTopology& topology() const { return topology_; }
  // Hardware threads that this process may use: fewer than the node's where a launcher has bound it.
  const std::vector<int>& own_hardware_threads() const { return own_; }

  // Binds OpenMP thread i of the calling thread's teams to placement.core_of_thread(i) (or, where there are fewer cores
  // than threads, every thread to all of the rank's cores), and the threads that exist already (communication) to the
  // assistant cores or else to the rank's cores. New memory comes from the rank's domain; where it has several, from
  // all of them in turn. Returns "", or why something of this was left out.
  //
  // Holds as long as the caller's parallel regions have num_threads threads or one: libgomp ends the threads that a
  // smaller team leaves out, and those that come after inherit the core of thread 0.
  std::string bind(const RankPlacement& placement) const;

 private:
  NodeTopology topology_;
  std::vector<int> own_;
};

}  // namespace kumiko
