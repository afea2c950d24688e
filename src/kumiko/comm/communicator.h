// Communication is a queue with an order. Each verb is enqueued and returns an event, like work on a stream; one thread
// per rank drives the operations of all axes to completion, so work on one axis never waits for work on another, and
// the order within an axis is the program's. Every byte and every second is counted by verb, axis and purpose.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/progress_note.h"
#include "kumiko/base/trace.h"
#include "kumiko/comm/options.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/tensor/memory.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

enum class Verb : uint8_t {
  all_reduce,
  reduce_scatter,
  all_gather,
  broadcast,
  reduce,
  all_to_all,
  send,
  receive,
  barrier
};
std::string_view name_of(Verb verb);

enum class ReduceOp : uint8_t { sum, max };

// The completion of one enqueued operation. Copies refer to the same operation.
class Event {
 public:
  struct State;  // comm/event.h
  Event() = default;
  explicit Event(std::shared_ptr<State> state) : state_(std::move(state)) {}

  bool done() const;
  // Blocks until the operation is complete; rethrows its error.
  void wait() const;

 private:
  std::shared_ptr<State> state_;  // none: complete from the start
};

// The ranks of one axis. Tensors handed to a verb are kept alive by the queue until the event is done, and must not be
// touched before. `purpose` says what the traffic is for ("gradients", "loss", ...) and must be a string literal.
// All ranks of a communicator call the same verbs in the same order; f32, f64, bf16, f16, i32 and i64 can be reduced,
// any type can be moved. Sums are taken in an order that does not depend on timing: the same run gives the same bits.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual Axis axis() const = 0;
  virtual int rank() const = 0;  // this rank's coordinate on the axis
  virtual int size() const = 0;

  // In place on every rank.
  virtual Event all_reduce(Tensor tensor, ReduceOp op, std::string_view purpose) = 0;
  // `input` has size() times the elements of `output`; rank r receives the r-th part of the sum. `output` may be the
  // own part of `input`.
  virtual Event reduce_scatter(Tensor input, Tensor output, ReduceOp op, std::string_view purpose) = 0;
  // `output` has size() times the elements of `input`, in rank order. `input` may be the own part of `output`.
  virtual Event all_gather(Tensor input, Tensor output, std::string_view purpose) = 0;
  virtual Event broadcast(Tensor tensor, int root, std::string_view purpose) = 0;
  // In place; only the root's tensor holds the result.
  virtual Event reduce(Tensor tensor, ReduceOp op, int root, std::string_view purpose) = 0;
  // Both have size() equal parts: part r of `input` goes to rank r, part r of `output` came from rank r.
  virtual Event all_to_all(Tensor input, Tensor output, std::string_view purpose) = 0;
  virtual Event send(Tensor tensor, int destination, std::string_view purpose) = 0;
  virtual Event receive(Tensor tensor, int source, std::string_view purpose) = 0;
  virtual Event barrier(std::string_view purpose) = 0;
};

// What was sent: one row for each (verb, axis, purpose) that occurred.
struct TrafficRow {
  Verb verb;
  Axis axis;
  std::string purpose;
  int64_t calls = 0;
  int64_t bytes = 0;   // of the tensors handed over (all_gather, all_to_all: the larger one)
  double seconds = 0;  // from start to completion, summed
  double exposed = 0;  // that a caller spent waiting in Event::wait
};

struct RankInfo {
  std::string host;
  int64_t process_id = 0;
  int local_rank = 0;  // among the ranks on the same host
};

// All ranks of the job. Exactly one lives in a process, created first and destroyed last.
class World {
 public:
  virtual ~World() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual int local_rank() const = 0;
  virtual int local_size() const = 0;
  virtual const std::vector<RankInfo>& ranks() const = 0;

  // A communicator over `ranks` (world ranks in coordinate order, this one among them). Collective over `ranks`.
  virtual std::unique_ptr<Communicator> communicator(Axis axis, std::span<const int64_t> ranks) = 0;
  virtual std::vector<TrafficRow> traffic() const = 0;
  virtual void reset_traffic() = 0;
  // Every operation enqueued from here on, on any communicator of this rank, is also an event for `recorder`, once it
  // is complete; null: no more.
  virtual void record_to(std::shared_ptr<TraceRecorder> recorder) = 0;
  // Where this rank's main thread is, as far as it says so: what the others are told if it keeps them waiting.
  virtual ProgressNote& progress() { return progress_; }
  // "Open MPI 4.1.4", or "none (one rank)".
  virtual std::string description() const = 0;

  // This rank has failed and is about to tell why: that others end is no news to it from here on, only the sign to end
  // too.
  virtual void expect_end(int /*exit_code*/) {}

  // This rank has failed: says so and ends every rank of the job, promptly.
  [[noreturn]] virtual void abort(int exit_code) = 0;

 private:
  ProgressNote progress_;
};

// The world this process was launched into: MPI if a launcher started it (mpiexec, srun, ...), else one rank alone,
// without touching MPI. What communication needs of memory comes from `pool`.
std::unique_ptr<World> connect_world(std::shared_ptr<MemoryPool> pool = MemoryPool::create(),
                                     const CommunicationOptions& options = {});

}  // namespace kumiko
