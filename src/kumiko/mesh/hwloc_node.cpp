#include <hwloc.h>
#include <hwloc/linux.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <type_traits>

#include "kumiko/base/error.h"
#include "kumiko/mesh/node.h"

namespace kumiko {
namespace {

struct DestroyTopology {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<std::remove_pointer_t<hwloc_topology_t>, DestroyTopology>;

struct FreeBitmap {
  void operator()(hwloc_bitmap_t bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<std::remove_pointer_t<hwloc_bitmap_t>, FreeBitmap>;

Bitmap empty_bitmap() { return Bitmap(hwloc_bitmap_alloc()); }

// Cores and memories; caches and devices are not looked at, which is most of the time that loading takes.
Topology load_topology() {
  hwloc_topology_t loaded = nullptr;
  if (hwloc_topology_init(&loaded) != 0) throw_environment("hwloc cannot be initialised: {}", std::strerror(errno));
  Topology topology(loaded);
  hwloc_topology_set_all_types_filter(loaded, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_type_filter(loaded, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
  if (hwloc_topology_load(loaded) != 0) {
    throw_environment("hwloc cannot describe this node: {}; set parallel.bind = \"none\"", std::strerror(errno));
  }
  return topology;
}

std::vector<int> numbers_in(hwloc_const_bitmap_t bitmap) {
  std::vector<int> numbers;
  for (int i = hwloc_bitmap_first(bitmap); i >= 0; i = hwloc_bitmap_next(bitmap, i)) numbers.push_back(i);
  return numbers;
}

// The cores under `cpuset`, in hwloc's order, which is that of the hardware.
std::vector<Core> cores_in(hwloc_topology_t topology, hwloc_const_cpuset_t cpuset) {
  std::vector<Core> cores;
  const bool has_cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE) > 0;
  const hwloc_obj_type_t type = has_cores ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
  hwloc_obj_t object = nullptr;
  while ((object = hwloc_get_next_obj_inside_cpuset_by_type(topology, cpuset, type, object)) != nullptr) {
    std::vector<int> threads = numbers_in(object->cpuset);
    if (!threads.empty()) cores.push_back({threads.front(), std::move(threads)});
  }
  return cores;
}

void add_to(hwloc_bitmap_t cpuset, const Core& core) {
  for (const int thread : core.hardware_threads) hwloc_bitmap_set(cpuset, static_cast<unsigned>(thread));
}

Bitmap cpuset_of(const std::vector<Core>& cores) {
  Bitmap cpuset = empty_bitmap();
  for (const Core& core : cores) add_to(cpuset.get(), core);
  return cpuset;
}

// The threads that this process has now.
void bind_existing_threads(hwloc_topology_t topology, hwloc_const_cpuset_t cpuset) {
  std::error_code failed;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", failed)) {
    hwloc_linux_set_tid_cpubind(topology, static_cast<pid_t>(std::stol(task.path().filename())), cpuset);
  }
}

}  // namespace

Node Node::discover() {
  const Topology topology = load_topology();
  Node node;
  hwloc_obj_t memory = nullptr;
  const Bitmap seen = empty_bitmap();
  while ((memory = hwloc_get_next_obj_by_type(topology.get(), HWLOC_OBJ_NUMANODE, memory)) != nullptr) {
    // A second memory of the same cores (high-bandwidth memory, a GPU's) is no place of its own.
    if (hwloc_bitmap_intersects(seen.get(), memory->cpuset) != 0) continue;
    hwloc_bitmap_or(seen.get(), seen.get(), memory->cpuset);
    std::vector<Core> cores = cores_in(topology.get(), memory->cpuset);
    if (!cores.empty()) node.topology_.domains.push_back({static_cast<int>(memory->os_index), std::move(cores)});
  }
  node.topology_ = with_assistant_cores(std::move(node.topology_));
  const Bitmap own = empty_bitmap();
  if (hwloc_get_cpubind(topology.get(), own.get(), HWLOC_CPUBIND_THREAD) != 0) {
    hwloc_bitmap_copy(own.get(), hwloc_topology_get_allowed_cpuset(topology.get()));
  }
  hwloc_bitmap_and(own.get(), own.get(), hwloc_topology_get_allowed_cpuset(topology.get()));
  node.own_ = numbers_in(own.get());
  return node;
}

std::string Node::bind(const RankPlacement& placement) const {
  const Topology topology = load_topology();
  const Bitmap all = cpuset_of(placement.cores);
  const std::vector<Core> assistants = restricted_to(topology_, own_).assistant_cores;
  const Bitmap helpers = cpuset_of(assistants.empty() ? placement.cores : assistants);
  bind_existing_threads(topology.get(), helpers.get());

  const Bitmap memory = empty_bitmap();
  for (const int domain : placement.domains) hwloc_bitmap_set(memory.get(), static_cast<unsigned>(domain));
  const hwloc_membind_policy_t policy = placement.domains.size() > 1 ? HWLOC_MEMBIND_INTERLEAVE : HWLOC_MEMBIND_BIND;
  const bool choose_memory = topology_.domains.size() > 1;
  std::atomic<int> core_error = 0;
  std::atomic<int> memory_error = 0;
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(placement.num_threads))
  for (int64_t i = 0; i < placement.num_threads; ++i) {
    const Bitmap own = empty_bitmap();
    if (placement.one_core_a_thread()) {
      add_to(own.get(), placement.core_of_thread(i));
    } else {
      hwloc_bitmap_copy(own.get(), all.get());
    }
    if (hwloc_set_cpubind(topology.get(), own.get(), HWLOC_CPUBIND_THREAD) != 0) core_error = errno;
    // Without HWLOC_MEMBIND_STRICT the domain is preferred: when it is full, another one serves.
    if (choose_memory &&
        hwloc_set_membind(topology.get(), memory.get(), policy, HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_BYNODESET) != 0) {
      memory_error = errno;
    }
  }
  if (core_error != 0) return fmt::format("not bound: {}", std::strerror(core_error));
  if (memory_error != 0) return fmt::format("memory not bound: {}", std::strerror(memory_error));
  return "";
}

}  // namespace kumiko
