// Puts the ranks of each node on cores of their own, and says where they are.
#pragma once

#include <string>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/mesh/locality.h"
#include "kumiko/train/options.h"

namespace kumiko {

struct PlacedRank {
  int64_t num_threads = 1;
  // Of every rank, in rank order: "NUMA 0, cores 0-11, 12 threads".
  std::vector<std::string> places;
  // Of every rank, the system's number of the memory domain that it keeps to; -1 for one that is in several or not
  // bound.
  std::vector<int64_t> domains;
};

// Collective over `all`, which has every rank of `world`. Shares out each node's cores among its ranks as
// parallel.num_threads and parallel.bind say, within what the launcher left to each, and binds this rank; before the
// rank's memory is first touched. Ranks that a launcher has bound to the same cores share them out; one that is alone
// on its cores keeps to them. How many threads: mesh/thread_count.h; places say what decided it where that was neither
// the option nor the cores. Warns if the launcher has left out half of the node's cores or more, and of more threads
// than cores.
PlacedRank place_rank(const ParallelOptions& options, const World& world, Communicator& all);

// "node01, NUMA 0, cores 0-11, 12 threads" of every rank.
std::vector<std::string> places_on_hosts(const std::vector<RankInfo>& ranks, const std::vector<std::string>& places);

// What the ranks share, from the innermost: memory domains, where any rank keeps to one, and nodes.
std::vector<SharedLevel> shared_levels(const std::vector<RankInfo>& ranks, const std::vector<int64_t>& domains);

// One line a rank ("rank 0: node01, NUMA 0, cores 0-11, 12 threads") up to `most_lines`; beyond, ranks with the same
// place on different hosts share a line, and of what is left only the first lines are shown.
std::vector<std::string> placement_lines(const std::vector<RankInfo>& ranks, const std::vector<std::string>& places,
                                         size_t most_lines);

}  // namespace kumiko
