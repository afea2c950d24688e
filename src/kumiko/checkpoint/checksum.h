// The checksum of checkpoints: XXH3, 64 bits, as `xxhsum -H3` prints it. It finds accidents (a flipped bit, a lost
// block), not attacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kumiko {

// Over bytes that arrive piece by piece.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void update(const void* data, size_t size);
  // Of everything so far.
  uint64_t value() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

uint64_t checksum_of(std::span<const std::byte> bytes);
uint64_t checksum_of(std::string_view text);

// Sixteen hexadecimal digits.
std::string checksum_text(uint64_t checksum);

}  // namespace kumiko
