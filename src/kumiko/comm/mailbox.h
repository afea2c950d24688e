// Small messages between any two ranks of the world, outside the order of communicators: how the communication threads
// talk about each other's state.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace kumiko {

// Used on one thread; nothing here waits.
class Mailbox {
 public:
  virtual ~Mailbox() = default;

  struct Letter {
    int from = 0;  // world rank
    std::vector<std::byte> bytes;
  };

  virtual int rank() const = 0;
  virtual int size() const = 0;
  // The bytes are copied. `to` may not be this rank.
  virtual void send(int to, std::span<const std::byte> bytes) = 0;
  // What has come since the last call.
  virtual std::vector<Letter> take() = 0;
};

}  // namespace kumiko
