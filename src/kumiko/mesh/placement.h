// Which cores of a node each of its ranks computes on. A pure function of the node's description: carried out by
// mesh/node.h, planned and tested for machines that are not here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kumiko {

struct Core {
  int id = 0;                         // the system's number of its first hardware thread
  std::vector<int> hardware_threads;  // the system's numbers, `id` among them
  friend bool operator==(const Core&, const Core&) = default;
};

// Cores that share a memory: a NUMA domain, on A64FX a core memory group.
struct MemoryDomain {
  int id = 0;  // the system's number
  std::vector<Core> cores;
};

struct NodeTopology {
  std::vector<MemoryDomain> domains;
  // Cores that are set apart for the system and for communication; never computed on.
  std::vector<Core> assistant_cores;

  int64_t num_cores() const;  // without assistant cores
};

// What is left of a node to a process that may use only these hardware threads. Domains without a core are dropped.
NodeTopology restricted_to(const NodeTopology& node, std::span<const int> hardware_threads);

// Moves the cores of domains that have at most a quarter as many cores as the largest to `assistant_cores`: A64FX has
// groups of 12 cores and, in memory domains of their own, one or two assistant cores each.
NodeTopology with_assistant_cores(NodeTopology node);

struct RankPlacement {
  std::vector<int> domains;  // ids, ascending
  std::vector<Core> cores;   // for this rank alone, unless there are more ranks than cores
  int64_t num_threads = 1;

  // Whether each thread is bound to a core of its own; otherwise the threads share `cores` as the system sees fit:
  // where there are more threads than cores, and where half of the cores or more are left to others, whom it must
  // avoid.
  bool one_core_a_thread() const;
  // Where thread i of num_threads runs. Threads are spread evenly where there are more cores than threads.
  const Core& core_of_thread(int64_t i) const;
  // "NUMA 0, cores 0-11, 12 threads"
  std::string to_string() const;
};

// Shares the node's cores out to `num_ranks` ranks with `num_threads` threads each, or, for 0, as many as there are
// cores for; every rank gets the same number. A rank's cores are contiguous. They lie in one domain where that fits:
// where the domains hold so many ranks of num_threads cores, or, for 0 and several ranks, where it leaves at most a
// quarter of the threads unused. Ranks are balanced over domains, and neighbours in rank order are neighbours on the
// node.
std::vector<RankPlacement> place_ranks(const NodeTopology& node, int64_t num_ranks, int64_t num_threads);

// "0-11,24-35", and "0-62:2" for every second one: as taskset and Linux write lists of processors. Distinct numbers.
std::string ranges_text(std::vector<int> numbers);

}  // namespace kumiko
