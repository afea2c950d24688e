// Built without hwloc.
#include <sched.h>
#include <unistd.h>

#include "kumiko/mesh/node.h"

namespace kumiko {

Node Node::discover() {
  Node node;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) CPU_SET(0, &set);
  MemoryDomain domain;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &set)) continue;
    node.own_.push_back(cpu);
    domain.cores.push_back({cpu, {cpu}});
  }
  node.topology_.domains.push_back(std::move(domain));
  return node;
}

std::string Node::bind(const RankPlacement&) const {
  return "not bound: this kumiko was built without hwloc (libhwloc-dev)";
}

}  // namespace kumiko
