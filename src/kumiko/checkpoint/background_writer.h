// Saving behind training: a save stops its caller for the copy of what this rank writes, and a thread of its own does
// the rest.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/writer.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

// How a save went.
struct SaveResult {
  int64_t step = 0;
  std::optional<Error> error;  // the same on all ranks; none: the checkpoint is there
  SaveReport report;           // if there is no error
  double pause_seconds = 0;    // that the caller stood still for it
  bool behind = false;         // written while the caller went on
  int64_t write_begin = 0;     // trace_clock()
  int64_t write_end = 0;
};

class BackgroundWriter {
 public:
  // `ranks`: all that hold pieces. It must outlive the writer and be used by nobody else: its operations come from the
  // writer's thread, in their own order.
  //
  // The thread exists from here on, so that placing a rank's threads (mesh/node.h) places it too.
  BackgroundWriter(Communicator& ranks, CheckpointOptions options);
  // Completes a save that is being written.
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  // Collective. Sets aside the memory that this rank's part of these pieces is copied to, and holds it from here on:
  // what cannot be had is missed at the start of a run and not at its first save. Then saves are written behind. If the
  // system has no memory for it, a warning says so, and this rank writes at once. Returns the bytes set aside.
  int64_t reserve(std::span<const SavedPiece> pieces, MemoryPool& pool);

  enum class When { behind, at_once };
  // Collective. Saves as CheckpointWriter::save does; the pieces, those of reserve(), may change when it returns. The
  // result of an earlier save must have been taken by wait(). Without `prune` no older checkpoint is removed. at_once:
  // nobody goes on meanwhile, so nothing is copied.
  void start(int64_t step, const std::string& state, std::span<const SavedPiece> pieces, When when = When::behind,
             bool prune = true);

  // The result of the last save, once; nothing while it is being written or if there was none. Ranks may see it at
  // different times.
  std::optional<SaveResult> finished();
  // The same, waiting for it.
  std::optional<SaveResult> wait();

 private:
  // A save that is to be written or is being written.
  struct Job {
    std::string state;
    CheckpointSnapshot snapshot;
    SaveResult result;
  };

  void write(Job& job);
  void hand_over(Job job);
  void loop();

  CheckpointWriter writer_;
  Tensor block_;  // for copies; none: every save is written at once

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Job> job_;
  std::optional<SaveResult> result_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace kumiko
