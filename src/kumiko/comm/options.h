// How a run communicates: how long it waits before it calls a hang a hang, what it checks, and what network it
// emulates.
#pragma once

#include <cstdint>

#include "kumiko/base/options.h"

namespace kumiko {

// A network slower than the one at hand. Completions are held back, which costs no processor time.
struct LinkOptions {
  double latency = 0;    // seconds of each step of an operation; 0: none
  double bandwidth = 0;  // bytes a second that a rank sends, and as many that it receives; 0: no limit

  bool emulated() const { return latency > 0 || bandwidth > 0; }
};

struct CommunicationOptions {
  double timeout_minutes = 10;  // 0: wait for ever
  bool check = false;           // whether ranks compare each operation before they begin it
  LinkOptions link;

  // Into the present section of the table.
  void describe(OptionTable& table);
  void validate() const;
};

}  // namespace kumiko
