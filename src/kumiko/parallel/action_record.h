// What an executor saw of one action.
#pragma once

#include <cstdint>

#include "kumiko/schedule/simulate.h"

namespace kumiko {

struct ActionRecord {
  ActionTime time;   // by seconds_now(), without the wait for other stages before it
  int64_t held = 0;  // bytes that stay for later actions once it has ended, but for messages
  // Micro-batches between their F and the end of their backward, those at two stages twice; its own among them.
  int64_t in_flight = 0;
};

}  // namespace kumiko
