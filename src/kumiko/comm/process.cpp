#include "kumiko/comm/process.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>

#include "kumiko/base/file_lock.h"

namespace kumiko {

RankInfo this_process() {
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return {host.data(), getpid(), 0};
}

void end_process(int exit_code) {
  struct Flush {
    std::mutex mutex;
    std::condition_variable over;
    bool done = false;
  };
  const auto flush = std::make_shared<Flush>();
  std::thread([flush] {
    std::fflush(nullptr);
    const std::scoped_lock lock(flush->mutex);
    flush->done = true;
    flush->over.notify_all();
  }).detach();
  {
    std::unique_lock lock(flush->mutex);
    flush->over.wait_for(lock, std::chrono::milliseconds(500), [&] { return flush->done; });
  }
  remove_held_locks();
  _exit(exit_code);
}

}  // namespace kumiko
