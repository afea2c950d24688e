#include "kumiko/base/fault.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <vector>

#include "kumiko/base/environment.h"
#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

constexpr std::array<const char*, 4> operation_names = {"write", "sync", "rename", "append"};

struct FaultPlan {
  bool armed = false;
  FileOperation operation{};
  int nth = 0;
  bool kill = false;
  bool lasting = false;  // all later ones fail too
};

FaultPlan read_plan() {
  const std::string text = environment::get(environment::fault);
  if (text.empty()) return {};
  const std::vector<std::string> parts = split(text, ':');
  for (size_t i = 0; parts.size() == 3 && i < operation_names.size(); ++i) {
    const bool kill = parts[2] == "kill";
    const bool lasting = parts[2] == "full";
    if (parts[0] != operation_names[i] || (!kill && !lasting && parts[2] != "no_space")) continue;
    const int nth = std::atoi(parts[1].c_str());
    if (nth > 0) return {true, static_cast<FileOperation>(i), nth, kill, lasting};
  }
  throw_user(
      "{}={} is not a fault: expected write|sync|rename|append, a count from 1, and kill|no_space|full, as in "
      "sync:3:kill",
      environment::fault, text);
}

}  // namespace

bool fault_fires(FileOperation operation, const std::string& path) {
  static const FaultPlan plan = read_plan();
  static std::atomic<int> seen{0};
  if (!plan.armed || operation != plan.operation) return false;
  const int count = ++seen;
  if (count < plan.nth || (count > plan.nth && !plan.lasting)) return false;
  errno = ENOSPC;
  if (count > plan.nth) return true;
  log::write(log::Level::error, fmt::format("injected fault: {} {} at {} {}", plan.kill ? "kill" : "no space", plan.nth,
                                            operation_names[static_cast<size_t>(operation)], path));
  if (plan.kill) ::kill(::getpid(), SIGKILL);
  errno = ENOSPC;
  return true;
}

}  // namespace kumiko
