#include "kumiko/comm/operation.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

bool reduces(Verb verb) { return verb == Verb::all_reduce || verb == Verb::reduce_scatter || verb == Verb::reduce; }

bool reducible(DType dtype) { return dtype != DType::u16 && dtype != DType::u8; }

bool has_peer(Verb verb) {
  return verb == Verb::broadcast || verb == Verb::reduce || verb == Verb::send || verb == Verb::receive;
}

void validate_tensors(const Operation& operation, int size) {
  const Tensor& input = operation.input;
  const Tensor& output = operation.output;
  if ((operation.verb != Verb::receive && !input) || (operation.verb != Verb::send && !output)) {
    throw_internal("{}: no tensor", operation.to_string());
  }
  if (operation.point_to_point()) return;
  if (input.dtype() != output.dtype()) {
    throw_internal("{}: input is {}, output is {}; both must have one type", operation.to_string(),
                   name_of(input.dtype()), name_of(output.dtype()));
  }
  const int64_t in = input.num_elements();
  const int64_t out = output.num_elements();
  int64_t expected = in;
  if (operation.verb == Verb::all_gather) expected = in * size;
  if (operation.verb == Verb::reduce_scatter) expected = in / size;
  if (out != expected || (operation.verb == Verb::reduce_scatter && in != out * size)) {
    throw_internal("{}: input has {} elements and output {}, which does not fit {} ranks", operation.to_string(), in,
                   out, size);
  }
  if (operation.verb == Verb::all_to_all && in % size != 0) {
    throw_internal("{}: {} elements are not {} equal parts", operation.to_string(), in, size);
  }
}

}  // namespace

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::all_reduce:
      return "all_reduce";
    case Verb::reduce_scatter:
      return "reduce_scatter";
    case Verb::all_gather:
      return "all_gather";
    case Verb::broadcast:
      return "broadcast";
    case Verb::reduce:
      return "reduce";
    case Verb::all_to_all:
      return "all_to_all";
    case Verb::send:
      return "send";
    case Verb::receive:
      return "receive";
    case Verb::barrier:
      break;
  }
  return "barrier";
}

int64_t Operation::bytes() const {
  const size_t in = input ? input.num_bytes() : 0;
  const size_t out = output ? output.num_bytes() : 0;
  return static_cast<int64_t>(std::max(in, out));
}

std::string Operation::to_string() const {
  const std::string where = axis == Axis::all ? "all ranks" : fmt::format("the {} axis", name_of(axis));
  return fmt::format("{} {} ({}) on {}", name_of(verb), sequence, purpose, where);
}

TraceEvent begin_event(const Operation& operation, const TraceRecorder& recorder) {
  TraceEvent event;
  event.track = TraceTrack::communication;
  event.name = name_of(operation.verb);
  event.category = operation.purpose;
  event.step = recorder.step();
  event.micro_batch = recorder.micro_batch();
  event.bytes = operation.bytes();
  event.axis = name_of(operation.axis);
  event.sequence = operation.sequence;
  event.peer = operation.peer;
  event.enqueued = trace_clock();
  return event;
}

void validate(const Operation& operation, int rank, int size) {
  if (has_peer(operation.verb)) {
    if (operation.peer < 0 || operation.peer >= size) {
      throw_internal("{}: rank {} of {} ranks", operation.to_string(), operation.peer, size);
    }
    if (operation.point_to_point() && operation.peer == rank) {
      throw_internal("{}: rank {} is this rank itself", operation.to_string(), rank);
    }
  }
  if (operation.verb == Verb::barrier) return;
  validate_tensors(operation, size);
  if (reduces(operation.verb) && !reducible(operation.input.dtype())) {
    throw_internal("{}: {} cannot be reduced", operation.to_string(), name_of(operation.input.dtype()));
  }
}

}  // namespace kumiko
