// What happened when on one rank, while somebody wants to know: the one record of events behind traces, timelines of
// measured steps, and reports of what a rank last did.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace kumiko {

enum class TraceTrack : uint8_t { compute, communication, io };
inline constexpr int num_trace_tracks = 3;
std::string_view name_of(TraceTrack track);

// The clock of all events: this machine's steady clock. Other machines' differ (comm/clock_offset.h).
inline int64_t trace_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A span of time. Numbers below zero and empty texts mean: does not apply. All texts must outlive the recorder: string
// literals.
struct TraceEvent {
  TraceTrack track = TraceTrack::compute;
  std::string_view name;      // a region, a phase, a verb, "write checkpoint"
  std::string_view category;  // the phase, or what the communication is for
  int64_t begin = 0;          // trace_clock()
  int64_t end = 0;
  int64_t step = -1;  // the first is 1
  int64_t micro_batch = -1;
  int64_t bytes = -1;
  // Of communication.
  std::string_view axis;
  int64_t sequence = -1;  // the same number on every rank that takes part
  int64_t peer = -1;      // root, source or destination, in the communicator
  int64_t enqueued = -1;  // trace_clock(), when the program asked for it
};

// Thread-safe. Holds a bounded number of events until they are taken; more are counted and dropped, newest first.
class TraceRecorder {
 public:
  explicit TraceRecorder(size_t capacity) : capacity_(capacity) {}

  void record(const TraceEvent& event);

  struct Taken {
    std::vector<TraceEvent> events;  // in the order in which they ended
    int64_t dropped = 0;
  };
  // What was recorded since the last take(). The memory that `into` brings is recorded into next: memory that was
  // touched before costs a tenth.
  void take(Taken& into);
  Taken take() {
    Taken taken;
    take(taken);
    return taken;
  }

  // Where the program is: what is enqueued from here on belongs to this step and micro-batch.
  void set_step(int64_t step) { step_.store(step, std::memory_order_relaxed); }
  void set_micro_batch(int64_t micro_batch) { micro_batch_.store(micro_batch, std::memory_order_relaxed); }
  int64_t step() const { return step_.load(std::memory_order_relaxed); }
  int64_t micro_batch() const { return micro_batch_.load(std::memory_order_relaxed); }

 private:
  const size_t capacity_;
  std::atomic<int64_t> step_{-1};
  std::atomic<int64_t> micro_batch_{-1};
  std::mutex mutex_;
  std::vector<TraceEvent> events_;
  int64_t dropped_ = 0;
};

// An event from construction to destruction; of no recorder: nothing.
class TraceSpan {
 public:
  TraceSpan(TraceRecorder* recorder, TraceTrack track, std::string_view name) : recorder_(recorder) {
    if (recorder_ == nullptr) return;
    event_.track = track;
    event_.name = name;
    event_.step = recorder_->step();
    event_.begin = trace_clock();
  }
  ~TraceSpan() {
    if (recorder_ == nullptr) return;
    event_.end = trace_clock();
    recorder_->record(event_);
  }
  TraceSpan(const TraceSpan&) = delete;
  TraceSpan& operator=(const TraceSpan&) = delete;

  void set_bytes(int64_t bytes) { event_.bytes = bytes; }

 private:
  TraceRecorder* recorder_;
  TraceEvent event_;
};

}  // namespace kumiko
