// The processor time that a control group (of a container, a batch system) leaves to its processes: less than the cores
// that they may run on. Threads beyond it are stopped for a part of each period.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace kumiko {

struct CpuQuota {
  double cpus = 0;    // processors' worth of time: 1.5
  std::string group;  // the group that sets it, the same for all processes that share it
};

// The tightest quota of this process's group and those around it; none where no group sets one. `read` gives a file's
// text, or nothing if it cannot be read. Knows version 2 (cpu.max) and version 1 (cpu.cfs_quota_us), each under
// /sys/fs/cgroup, also where a container sees its own group there under another path than the system's.
std::optional<CpuQuota> cpu_quota(const std::function<std::optional<std::string>(const std::string& path)>& read);
std::optional<CpuQuota> cpu_quota();

}  // namespace kumiko
