// failing_rank HOW: a program for failure_test.cpp. Rank 1 fails in the way asked for while the others wait for it.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/comm/run.h"

namespace kumiko {
namespace {

void fail(const std::string& how, World& world) {
  if (how == "throws everywhere") throw_user("train.toml: line 3: unknown key \"lrr\"");
  if (world.rank() != 1) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the others are waiting by then
  if (how == "is killed") std::raise(SIGKILL);
  if (how == "exits") _exit(0);
  if (how == "throws") throw_user("rank 1 cannot read its shard");
  if (how == "throws something else") throw std::out_of_range("index 7 of 3");
  if (how == "is late") std::this_thread::sleep_for(std::chrono::milliseconds(500));
}

int body(const std::string& how, World& world) {
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  const auto all = world.communicator(Axis::data, ranks);
  all->barrier("test").wait();
  if (how == "leaves early" && world.rank() == 1) return 0;
  fail(how, world);
  if (how == "is late" || how == "leaves early") {
    if (world.rank() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return 0;
  }
  all->barrier("test").wait();
  return 0;
}

}  // namespace
}  // namespace kumiko

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  return kumiko::run_in_world([&](kumiko::World& world) { return kumiko::body(how, world); });
}
