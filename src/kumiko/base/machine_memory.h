// How much memory this process can have at most, so that a size far beyond it is refused before it is asked for.
#pragma once

#include <cstdint>
#include <filesystem>

namespace kumiko {

struct MachineMemory {
  int64_t physical = 0;  // of the machine, in bytes
  int64_t swap = 0;
  // What the process may use without swap: `physical`, or less where its control group says so (a container, a job).
  int64_t limit = 0;

  // The most that any process can hold here, swap included.
  int64_t most() const { return limit + swap; }
};

MachineMemory machine_memory();

// The smallest limit of the control groups that `cgroup` (as /proc/self/cgroup) names, under `root` (as
// /sys/fs/cgroup), of either version; `none` if there is none.
int64_t control_group_limit(const std::filesystem::path& cgroup, const std::filesystem::path& root, int64_t none);

}  // namespace kumiko
