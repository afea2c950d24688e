#include "kumiko/mesh/cpu_quota.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

#include "kumiko/base/text.h"

namespace kumiko {
namespace {

using Read = std::function<std::optional<std::string>(const std::string&)>;

std::optional<double> number(std::string_view text) {
  int64_t value = 0;
  text = trim(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(value);
}

// None for "max", -1 (no limit) and what is no number.
std::optional<double> cpus(std::optional<double> quota, std::optional<double> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

std::optional<double> quota_v2(const std::string& folder, const Read& read) {
  const std::optional<std::string> text = read(folder + "/cpu.max");
  if (!text) return std::nullopt;
  const std::vector<std::string> words = split(trim(*text), ' ');
  return words.size() == 2 ? cpus(number(words[0]), number(words[1])) : std::nullopt;
}

std::optional<double> quota_v1(const std::string& folder, const Read& read) {
  const auto quota = read(folder + "/cpu.cfs_quota_us");
  const auto period = read(folder + "/cpu.cfs_period_us");
  if (!quota || !period) return std::nullopt;
  return cpus(number(*quota), number(*period));
}

// Looks at the group `path` under `root` and at all around it.
template <class QuotaOf>
void tighten(std::optional<CpuQuota>& tightest, const std::string& root, std::string path, const QuotaOf& quota_of) {
  if (path.find("..") != std::string::npos) path.clear();  // outside of what this process sees
  while (!path.empty() && path.back() == '/') path.pop_back();
  while (true) {
    const std::optional<double> quota = quota_of(root + path);
    if (quota && (!tightest || *quota < tightest->cpus)) tightest = {*quota, root + path};
    if (path.empty()) return;
    const size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "" : path.substr(0, slash);
  }
}

}  // namespace

std::optional<CpuQuota> cpu_quota(const Read& read) {
  std::optional<CpuQuota> tightest;
  const std::optional<std::string> groups = read("/proc/self/cgroup");
  if (!groups) return tightest;
  const auto v1 = [&read](const std::string& folder) { return quota_v1(folder, read); };
  const auto v2 = [&read](const std::string& folder) { return quota_v2(folder, read); };
  // "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1; a path may hold colons.
  for (const std::string& line : split(*groups, '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      tighten(tightest, "/sys/fs/cgroup", path, v2);
      tighten(tightest, "/sys/fs/cgroup/unified", path, v2);
      continue;
    }
    const std::vector<std::string> names = split(controllers, ',');
    if (std::find(names.begin(), names.end(), "cpu") == names.end()) continue;
    tighten(tightest, "/sys/fs/cgroup/" + controllers, path, v1);
    tighten(tightest, "/sys/fs/cgroup/cpu", path, v1);
  }
  return tightest;
}

std::optional<CpuQuota> cpu_quota() {
  return cpu_quota([](const std::string& path) -> std::optional<std::string> {
    std::ifstream file(path);
    if (!file) return std::nullopt;
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  });
}

}  // namespace kumiko
