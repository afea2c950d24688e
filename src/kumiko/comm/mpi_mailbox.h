// Letters by MPI, on a communicator of their own. Only mpi*.cpp include this, since it brings mpi.h with it.
#pragma once

#include <mpi.h>

#include <list>

#include "kumiko/comm/mailbox.h"

namespace kumiko {

class MpiMailbox final : public Mailbox {
 public:
  // Collective over the world.
  MpiMailbox();

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void send(int to, std::span<const std::byte> bytes) override;
  std::vector<Letter> take() override;

 private:
  struct InFlight {
    MPI_Request request = MPI_REQUEST_NULL;
    Letter letter;
  };
  static bool complete(InFlight& message);

  MPI_Comm communicator_ = MPI_COMM_NULL;  // lives until MPI_Finalize
  int rank_ = 0;
  int size_ = 1;
  std::list<InFlight> sent_, coming_;
};

}  // namespace kumiko
