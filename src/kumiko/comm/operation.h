// One enqueued verb as plain data: what every backend receives, already checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kumiko/base/trace.h"
#include "kumiko/comm/communicator.h"
#include "kumiko/tensor/tensor.h"

namespace kumiko {

struct Operation {
  Verb verb = Verb::barrier;
  Tensor input;   // in-place verbs, send: the tensor
  Tensor output;  // in-place verbs, receive: the tensor
  ReduceOp reduction = ReduceOp::sum;
  int peer = -1;  // root, destination or source
  std::string_view purpose;
  Axis axis = Axis::data;
  // From 1, the same on every rank that takes part: of the communicator's collectives, or of the messages between two
  // ranks in one direction.
  int64_t sequence = 0;

  // As TrafficRow counts them: the larger of the two tensors.
  int64_t bytes() const;
  // A send or receive; everything else involves all ranks of the communicator.
  bool point_to_point() const { return verb == Verb::send || verb == Verb::receive; }
  // "all_reduce 17 (gradients) on the data axis"
  std::string to_string() const;
};

// The event of an operation that is enqueued now; its begin and end are still open.
TraceEvent begin_event(const Operation& operation, const TraceRecorder& recorder);

// Internal error, naming the operation and what does not fit, unless shapes, types and peer suit a communicator in
// which this rank is `rank` of `size`.
void validate(const Operation& operation, int rank, int size);

}  // namespace kumiko
