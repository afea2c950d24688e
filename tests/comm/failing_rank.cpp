// failing_rank HOW [--check]: a program for failure_test.cpp and hang_test.cpp. Rank 1 fails in the way asked for while
// the others wait for it.
#include <unistd.h>

#include <array>
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

Tensor floats(int64_t count) {
  auto memory = std::make_shared<std::vector<float>>(static_cast<size_t>(count));
  return {std::shared_ptr<void>(memory, memory->data()), Shape{count}, DType::f32};
}

// Rank 1 does something else than the others, once.
void disagree(const std::string& how, World& world, Communicator& all) {
  const bool odd = world.rank() == 1;
  world.progress().set_step(3);
  world.progress().set_place("forward: mlp");
  all.all_reduce(floats(4096), ReduceOp::sum, "gradients").wait();
  if (how == "stops" && odd) std::raise(SIGSTOP);
  if (how == "works long" && odd) {
    const LongActivity activity(world.progress(), "saving a checkpoint");
    std::this_thread::sleep_for(std::chrono::seconds(4));
  }
  if (how == "expects more") all.broadcast(floats(odd ? 5000 : 4096), 0, "gradients").wait();
  if (how == "other root") return all.broadcast(floats(1 << 18), odd ? 2 : 0, "weights").wait();
  if (how == "other verb" && odd) all.broadcast(floats(4096), 0, "gradients").wait();
  if (how == "other type" && odd) {
    all.all_reduce(Tensor(std::make_shared<std::array<double, 2048>>(), Shape{2048}, DType::f64), ReduceOp::sum,
                   "gradients")
        .wait();
  }
  if (how == "larger" && odd) all.all_reduce(floats(5000), ReduceOp::sum, "gradients").wait();
  if (how == "smaller" && odd) all.all_reduce(floats(3000), ReduceOp::sum, "gradients").wait();
  if (how == "other message" && world.rank() < 2) {
    odd ? all.receive(floats(100), 0, "activations").wait() : all.send(floats(200), 1, "activations").wait();
  }
  all.all_reduce(floats(4096), ReduceOp::sum, "gradients").wait();
}

int body(const std::string& how, World& world) {
  std::vector<int64_t> ranks(static_cast<size_t>(world.size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  if (how == "starts late" && world.rank() == 1) {
    std::this_thread::sleep_for(std::chrono::seconds(600));
  }
  const auto all = world.communicator(Axis::data, ranks);
  all->barrier("test").wait();
  if (how == "skips" && world.rank() == 1) return 0;
  disagree(how, world, *all);
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
  kumiko::CommunicationOptions options;
  options.timeout_minutes = 1.5 / 60;
  options.check = argc > 2;
  return kumiko::run_in_world([&](kumiko::World& world) { return kumiko::body(how, world); },
                              kumiko::MemoryPool::create(), options);
}
