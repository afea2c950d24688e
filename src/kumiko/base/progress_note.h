// Where a rank's main thread is, written by itself as it goes and read by the communication thread when others ask: the
// only one of the two that can still answer while the main thread is stuck.
#pragma once

#include <atomic>
#include <cstdint>

#include "kumiko/base/trace.h"

namespace kumiko {

class ProgressNote {
 public:
  // The first step is 1.
  void set_step(int64_t step) { step_.store(step, std::memory_order_relaxed); }
  // `place`: a string literal ("forward: mlp").
  void set_place(const char* place, int64_t time = trace_clock()) {
    place_.store(place, std::memory_order_relaxed);
    changed_at_.store(time, std::memory_order_relaxed);
  }

  int64_t step() const { return step_.load(std::memory_order_relaxed); }
  const char* place() const { return place_.load(std::memory_order_relaxed); }
  // trace_clock() when the place was noted.
  int64_t changed_at() const { return changed_at_.load(std::memory_order_relaxed); }
  // Whether the main thread is in something that may take very long by itself.
  bool long_activity() const { return long_activities_.load(std::memory_order_relaxed) > 0; }

 private:
  friend class LongActivity;
  std::atomic<int64_t> step_{0};
  std::atomic<const char*> place_{""};
  std::atomic<int64_t> changed_at_{trace_clock()};
  std::atomic<int> long_activities_{0};
};

// From construction to destruction the main thread does `what` (a string literal: "saving a checkpoint"), which may
// take longer than any step: ranks that wait for it meanwhile do not take it for stuck.
class LongActivity {
 public:
  LongActivity(ProgressNote& note, const char* what) : note_(note), before_(note.place()) {
    note_.long_activities_.fetch_add(1, std::memory_order_relaxed);
    note_.set_place(what);
  }
  ~LongActivity() {
    note_.long_activities_.fetch_sub(1, std::memory_order_relaxed);
    note_.set_place(before_);
  }
  LongActivity(const LongActivity&) = delete;
  LongActivity& operator=(const LongActivity&) = delete;

 private:
  ProgressNote& note_;
  const char* before_;
};

}  // namespace kumiko
