// Wall-clock time for measuring: monotonic seconds.
#pragma once

#include <chrono>

namespace kumiko {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace kumiko
