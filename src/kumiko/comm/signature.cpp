#include "kumiko/comm/signature.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {

Signature Signature::of(const Operation& operation, std::span<const int> ranks) {
  Signature signature;
  signature.sequence = operation.sequence;
  signature.bytes = operation.bytes();
  if (operation.peer >= 0) signature.peer = ranks[static_cast<size_t>(operation.peer)];
  signature.verb = operation.verb;
  signature.axis = operation.axis;
  if (operation.verb != Verb::barrier) {
    signature.dtype = operation.input ? operation.input.dtype() : operation.output.dtype();
  }
  signature.reduction = operation.reduction;
  operation.purpose.copy(signature.purpose.data(), signature.purpose.size() - 1);
  return signature;
}

bool Signature::matches(int rank, const Signature& other, int other_rank) const {
  if (!point_to_point()) return *this == other;
  Signature expected = *this;  // the other side
  expected.verb = verb == Verb::send ? Verb::receive : Verb::send;
  expected.peer = rank;
  return peer == other_rank && expected == other;
}

std::string Signature::to_string() const {
  std::string text = fmt::format("{} {} ({})", name_of(verb), sequence, purpose.data());
  if (verb != Verb::barrier) {
    text += fmt::format(" of {} {}", bytes / static_cast<int64_t>(size_of(dtype)), name_of(dtype));
  }
  if (verb == Verb::all_reduce || verb == Verb::reduce_scatter || verb == Verb::reduce) {
    text += reduction == ReduceOp::sum ? " by sum" : " by max";
  }
  if (verb == Verb::send || verb == Verb::reduce) text += fmt::format(" to rank {}", peer);
  if (verb == Verb::receive || verb == Verb::broadcast) text += fmt::format(" from rank {}", peer);
  return text + fmt::format(" on the {} axis", name_of(axis));
}

std::string mismatch_text(int rank, const Signature& own, int other_rank, const Signature& other) {
  return fmt::format(
      "the ranks of the {} axis call different operations: rank {}: {}; rank {}: {}; all of them must call the same "
      "ones in the same order, with the same sizes and types",
      name_of(own.axis), rank, own.to_string(), other_rank, other.to_string());
}

}  // namespace kumiko
