// Messages by MPI. Only mpi*.cpp include this, since it brings mpi.h with it.
#pragma once

#include <mpi.h>

#include <string>
#include <vector>

#include "kumiko/comm/exchange.h"
#include "kumiko/comm/operation.h"

namespace kumiko {

// Environment error with MPI's own words: "all_reduce 17 (gradients) on the data axis: MPI_ERR_TRUNCATE: ...".
void check_mpi(int result, const std::string& what);

class MpiExchange final : public Exchange {
 public:
  // `operation` must outlive this.
  MpiExchange(MPI_Comm communicator, int rank, int size, const Operation& operation)
      : communicator_(communicator), rank_(rank), size_(size), operation_(operation) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(const void* data, size_t bytes, int peer) override;
  void receive(void* data, size_t bytes, int peer) override;
  bool complete() override;

 private:
  // Sends and receives run side by side with each other, never with a collective; the tags make a mismatch between
  // ranks a hang that the watchdog sees, not a mix of data.
  int tag() const { return operation_.point_to_point() ? 1 : 2; }
  void check(int result) const;

  MPI_Comm communicator_;
  int rank_;
  int size_;
  const Operation& operation_;
  std::vector<MPI_Request> requests_;
  std::vector<MPI_Status> statuses_;
};

}  // namespace kumiko
