#include "kumiko/base/machine_memory.h"

#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace kumiko {

namespace fs = std::filesystem;

static int64_t limit_in(const fs::path& file, int64_t none) {
  std::ifstream stream(file);
  int64_t bytes = 0;
  // "max" where there is none; version 1 says a number near 2^63.
  return stream >> bytes && bytes > 0 ? std::min(bytes, none) : none;
}

int64_t control_group_limit(const fs::path& cgroup, const fs::path& root, int64_t none) {
  int64_t limit = none;
  std::ifstream lines(cgroup);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool version_2 = controllers.empty();
    if (!version_2 && ("," + controllers + ",").find(",memory,") == std::string::npos) continue;
    const fs::path base = version_2 ? root : root / "memory";
    // Of the group and all above it; in a container, whose root is the group itself, the path leads nowhere.
    for (fs::path group = fs::path(line.substr(second + 1)).relative_path();; group = group.parent_path()) {
      limit = std::min(limit, limit_in(base / group / (version_2 ? "memory.max" : "memory.limit_in_bytes"), none));
      if (group.empty()) break;
    }
  }
  return limit;
}

MachineMemory machine_memory() {
  MachineMemory memory;
  struct sysinfo info {};
  if (::sysinfo(&info) == 0) {
    memory.physical = static_cast<int64_t>(info.totalram) * info.mem_unit;
    memory.swap = static_cast<int64_t>(info.totalswap) * info.mem_unit;
  }
  memory.limit = control_group_limit("/proc/self/cgroup", "/sys/fs/cgroup", memory.physical);
  return memory;
}

}  // namespace kumiko
