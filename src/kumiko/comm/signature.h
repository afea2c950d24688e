// What the ranks of an operation must agree about, as plain bytes that travel: so that they can be compared before the
// operation begins, and named when it does not end.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "kumiko/comm/operation.h"

namespace kumiko {

struct Signature {
  int64_t sequence = 0;
  int64_t bytes = 0;
  int32_t peer = -1;  // world rank of the root, destination or source
  Verb verb = Verb::barrier;
  Axis axis = Axis::data;
  DType dtype = DType::u8;
  ReduceOp reduction = ReduceOp::sum;
  std::array<char, 40> purpose{};  // cut where it is longer

  // `ranks`: the world ranks of the communicator.
  static Signature of(const Operation& operation, std::span<const int> ranks);

  bool point_to_point() const { return verb == Verb::send || verb == Verb::receive; }
  // Whether this and what `other_rank` does are two sides of one operation, as seen from `rank` (world ranks).
  bool matches(int rank, const Signature& other, int other_rank) const;
  // "all_reduce 17 (gradients) of 4096 f32 by sum on the data axis", "send 3 (activations) of 512 bf16 to rank 2 on
  // ..."
  std::string to_string() const;

  friend bool operator==(const Signature&, const Signature&) = default;
};

// The user's error text for two that do not match.
std::string mismatch_text(int rank, const Signature& own, int other_rank, const Signature& other);

}  // namespace kumiko
