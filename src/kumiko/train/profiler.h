// A trace of some steps of a run (logging.profile): what every rank computed, communicated, read and wrote, on one time
// axis. Off, it costs a comparison a step.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "kumiko/base/append_file.h"
#include "kumiko/base/regions.h"
#include "kumiko/base/trace.h"
#include "kumiko/train/observer_guard.h"
#include "kumiko/train/options.h"
#include "kumiko/train/trace_format.h"

namespace kumiko {

// What a profiler looks at.
struct Profiled {
  World& world;
  RegionTimer& timer;
  std::shared_ptr<MemoryPool> pool;
  std::filesystem::path directory;  // of the run
};

// Every rank has one, and calls all of it: the first and the last traced step compare the ranks' clocks.
class Profiler {
 public:
  // User error if there is nowhere to write or a rank to be traced does not exist.
  Profiler(const LoggingOptions& options, Profiled profiled);
  // Waits until the trace is written.
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  // Step `step` (from 1) comes next, and what belonged to the one before is over.
  void begin_step(int64_t step);
  // The step is through; what follows (evaluation, saving) still belongs to it.
  void end_step();
  // No step comes any more.
  void finish();

  // For what is no region: I/O. Null while nothing is traced.
  TraceRecorder* recorder() const { return recording_ ? recorder_.get() : nullptr; }

 private:
  void start(int64_t step);
  void write_events();
  void stop();
  void write_part(const std::string& text);
  std::filesystem::path part_path(int64_t rank) const;

  Profiled profiled_;
  int64_t first_step_ = 0;  // 0: nothing is to be traced
  int64_t last_step_ = 0;
  std::vector<int64_t> ranks_;
  std::unique_ptr<Communicator> all_;
  std::shared_ptr<TraceRecorder> recorder_;  // none on a rank that is not traced
  std::optional<TracePart> part_;
  TraceRecorder::Taken taken_;
  ObserverGuard guard_{"logging.profile", "step"};
  std::optional<AppendFile> file_;
  bool started_ = false;
  bool recording_ = false;
  int64_t step_ = 0;
  int64_t step_begin_ = 0;
  bool warned_ = false;
  std::thread merging_;
};

}  // namespace kumiko
