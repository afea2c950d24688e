#include "kumiko/comm/verbs.h"

#include <utility>

namespace kumiko {

Event OperationCommunicator::checked(Operation operation) {
  operation.axis = axis_;
  operation.sequence = next_sequence(operation);
  validate(operation, rank_, size_);
  return submit(std::move(operation));
}

int64_t OperationCommunicator::next_sequence(const Operation& operation) {
  if (!operation.point_to_point()) return ++collectives_;
  if (operation.peer < 0 || operation.peer >= size_) return 0;  // refused in a moment
  auto& messages = operation.verb == Verb::send ? sent_ : received_;
  return ++messages[static_cast<size_t>(operation.peer)];
}

Event OperationCommunicator::all_reduce(Tensor tensor, ReduceOp op, std::string_view purpose) {
  return checked(
      {.verb = Verb::all_reduce, .input = tensor, .output = tensor, .reduction = op, .peer = -1, .purpose = purpose});
}

Event OperationCommunicator::reduce_scatter(Tensor input, Tensor output, ReduceOp op, std::string_view purpose) {
  return checked({.verb = Verb::reduce_scatter,
                  .input = std::move(input),
                  .output = std::move(output),
                  .reduction = op,
                  .peer = -1,
                  .purpose = purpose});
}

Event OperationCommunicator::all_gather(Tensor input, Tensor output, std::string_view purpose) {
  return checked({.verb = Verb::all_gather,
                  .input = std::move(input),
                  .output = std::move(output),
                  .reduction = ReduceOp::sum,
                  .peer = -1,
                  .purpose = purpose});
}

Event OperationCommunicator::broadcast(Tensor tensor, int root, std::string_view purpose) {
  return checked({.verb = Verb::broadcast,
                  .input = tensor,
                  .output = tensor,
                  .reduction = ReduceOp::sum,
                  .peer = root,
                  .purpose = purpose});
}

Event OperationCommunicator::reduce(Tensor tensor, ReduceOp op, int root, std::string_view purpose) {
  return checked(
      {.verb = Verb::reduce, .input = tensor, .output = tensor, .reduction = op, .peer = root, .purpose = purpose});
}

Event OperationCommunicator::all_to_all(Tensor input, Tensor output, std::string_view purpose) {
  return checked({.verb = Verb::all_to_all,
                  .input = std::move(input),
                  .output = std::move(output),
                  .reduction = ReduceOp::sum,
                  .peer = -1,
                  .purpose = purpose});
}

Event OperationCommunicator::send(Tensor tensor, int destination, std::string_view purpose) {
  return checked({.verb = Verb::send,
                  .input = std::move(tensor),
                  .output = {},
                  .reduction = ReduceOp::sum,
                  .peer = destination,
                  .purpose = purpose});
}

Event OperationCommunicator::receive(Tensor tensor, int source, std::string_view purpose) {
  return checked({.verb = Verb::receive,
                  .input = {},
                  .output = std::move(tensor),
                  .reduction = ReduceOp::sum,
                  .peer = source,
                  .purpose = purpose});
}

Event OperationCommunicator::barrier(std::string_view purpose) {
  return checked(
      {.verb = Verb::barrier, .input = {}, .output = {}, .reduction = ReduceOp::sum, .peer = -1, .purpose = purpose});
}

}  // namespace kumiko
