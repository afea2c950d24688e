#include "kumiko/mesh/cpu_quota.h"

#include <gtest/gtest.h>

#include <map>

namespace kumiko {
namespace {

using Files = std::map<std::string, std::string>;

// "2 at /sys/fs/cgroup/a", or "none".
std::string quota_in(const Files& files) {
  const auto quota = cpu_quota([&](const std::string& path) -> std::optional<std::string> {
    const auto file = files.find(path);
    return file == files.end() ? std::nullopt : std::optional(file->second);
  });
  if (!quota) return "none";
  std::string number = std::to_string(quota->cpus);
  return number.substr(0, number.find('.') + 2) + " at " + quota->group;
}

TEST(CpuQuota, IsNoneWithoutGroups) {
  EXPECT_EQ(quota_in({}), "none");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", ""}}), "none");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/\n"}}), "none");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "nonsense\n0::/a:b\n"}, {"/sys/fs/cgroup/cpu.max", "max 100000\n"}}),
            "none");
}

TEST(CpuQuota, IsReadFromVersion2) {
  // A container that sees its own group as the root.
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}),
            "1.5 at /sys/fs/cgroup");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "50000 100000\n"}}),
            "0.5 at /sys/fs/cgroup/a/b");
  // One that sees the system's path of its group, which is not there.
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/docker/0123\n"}, {"/sys/fs/cgroup/cpu.max", "200000 100000"}}),
            "2.0 at /sys/fs/cgroup");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/../..\n"}, {"/sys/fs/cgroup/cpu.max", "200000 100000"}}),
            "2.0 at /sys/fs/cgroup");
}

TEST(CpuQuota, IsTheTightestOfTheGroupsAround) {
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/job/step/task\n"},
                      {"/sys/fs/cgroup/job/step/task/cpu.max", "max 100000\n"},
                      {"/sys/fs/cgroup/job/step/cpu.max", "800000 100000\n"},
                      {"/sys/fs/cgroup/job/cpu.max", "400000 100000\n"}}),
            "4.0 at /sys/fs/cgroup/job");
}

TEST(CpuQuota, IsReadFromVersion1) {
  const std::string groups = "12:memory:/m\n4:cpu,cpuacct:/docker/1\n1:name=systemd:/x\n";
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", groups},
                      {"/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "300000\n"},
                      {"/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n"}}),
            "3.0 at /sys/fs/cgroup/cpu,cpuacct/docker/1");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", groups},
                      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n"},
                      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            "2.5 at /sys/fs/cgroup/cpu");
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", groups},
                      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            "none");
  // cpuset and cpuacct are other controllers.
  EXPECT_EQ(quota_in({{"/proc/self/cgroup", "5:cpuset:/\n6:cpuacct:/\n"},
                      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"},
                      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}),
            "none");
}

TEST(CpuQuota, PassesOverWhatIsNoQuota) {
  for (const char* text : {"", "max", "x 100000", "100000", "100000 0", "-5 100000", "1e5 100000", "1 2 3"}) {
    EXPECT_EQ(quota_in({{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", text}}), "none") << text;
  }
}

TEST(CpuQuota, OfThisProcessCanBeAskedFor) {
  const auto quota = cpu_quota();
  EXPECT_GT(quota ? quota->cpus : 1, 0);
}

}  // namespace
}  // namespace kumiko
