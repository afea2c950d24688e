// Messages by MPI. Only mpi*.cpp include this, since it brings mpi.h with it.
#pragma once

#include <mpi.h>

#include <span>
#include <string>
#include <vector>

#include "kumiko/comm/exchange.h"
#include "kumiko/comm/operation.h"

namespace kumiko {

// Environment error with MPI's own words: "all_reduce 17 (gradients) on the data axis: MPI_ERR_TRUNCATE: ...".
void check_mpi(int result, const std::string& what);

// A communicator from this rank's side.
struct MpiGroup {
  MPI_Comm communicator = MPI_COMM_NULL;
  int rank = 0;
  int size = 1;
  // Where `communicator` has more ranks than these: their numbers in it.
  std::span<const int> members;
};

class MpiExchange final : public Exchange {
 public:
  // `operation` must outlive this. Messages of different tags do not meet.
  MpiExchange(MpiGroup group, int tag, const Operation& operation) : group_(group), tag_(tag), operation_(operation) {}

  int rank() const override { return group_.rank; }
  int size() const override { return group_.size; }
  void send(const void* data, size_t bytes, int peer) override;
  void receive(void* data, size_t bytes, int peer) override;
  bool complete() override;

 private:
  int place(int peer) const { return group_.members.empty() ? peer : group_.members[static_cast<size_t>(peer)]; }
  void check(int result) const;
  void check_sizes() const;

  MpiGroup group_;
  int tag_;
  const Operation& operation_;
  std::vector<MPI_Request> requests_;
  std::vector<MPI_Status> statuses_;
  std::vector<size_t> expected_;  // bytes of each message that is received; of those sent: none
};

}  // namespace kumiko
