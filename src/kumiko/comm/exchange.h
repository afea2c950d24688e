// Messages between two ranks of a communicator: the one primitive that the collective algorithms stand on. An
// implementation for MPI moves bytes between processes, one for tests between threads' buffers.
#pragma once

#include <cstddef>

namespace kumiko {

// The messages posted by one operation. Messages from one rank to another arrive in the order in which they were
// posted. Used on one thread.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  // The memory must stay as it is until complete() has returned true. `peer` may not be this rank.
  virtual void send(const void* data, size_t bytes, int peer) = 0;
  virtual void receive(void* data, size_t bytes, int peer) = 0;
  // Whether every message posted so far has been delivered; never waits. Throws if one has failed.
  virtual bool complete() = 0;
};

}  // namespace kumiko
