// The part that all communicators share: each verb becomes a checked Operation, handed to the backend in order.
#pragma once

#include <cstdint>
#include <vector>

#include "kumiko/comm/communicator.h"
#include "kumiko/comm/operation.h"

namespace kumiko {

class OperationCommunicator : public Communicator {
 public:
  OperationCommunicator(Axis axis, int rank, int size)
      : axis_(axis), rank_(rank), size_(size), sent_(static_cast<size_t>(size)), received_(sent_) {}

  Axis axis() const final { return axis_; }
  int rank() const final { return rank_; }
  int size() const final { return size_; }

  Event all_reduce(Tensor tensor, ReduceOp op, std::string_view purpose) final;
  Event reduce_scatter(Tensor input, Tensor output, ReduceOp op, std::string_view purpose) final;
  Event all_gather(Tensor input, Tensor output, std::string_view purpose) final;
  Event broadcast(Tensor tensor, int root, std::string_view purpose) final;
  Event reduce(Tensor tensor, ReduceOp op, int root, std::string_view purpose) final;
  Event all_to_all(Tensor input, Tensor output, std::string_view purpose) final;
  Event send(Tensor tensor, int destination, std::string_view purpose) final;
  Event receive(Tensor tensor, int source, std::string_view purpose) final;
  Event barrier(std::string_view purpose) final;

 protected:
  virtual Event submit(Operation operation) = 0;

 private:
  Event checked(Operation operation);
  int64_t next_sequence(const Operation& operation);

  Axis axis_;
  int rank_;
  int size_;
  // So far: operations of all ranks, and messages to and from each. Counted apart, so that the same operation has the
  // same number on every rank that takes part in it.
  int64_t collectives_ = 0;
  std::vector<int64_t> sent_, received_;
};

}  // namespace kumiko
