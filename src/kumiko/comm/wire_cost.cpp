#include "kumiko/comm/wire_cost.h"

#include <algorithm>

namespace kumiko {
namespace {

int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t logarithm_up(int64_t size) {
  int64_t steps = 0;
  while ((int64_t{1} << steps) < size) ++steps;
  return steps;
}

// The tensor as the algorithms see it.
struct Sizes {
  int64_t count;    // elements of the larger tensor
  int64_t element;  // bytes of one
  int64_t ranks;
  int64_t most;  // elements of a piece

  int64_t bytes() const { return count * element; }
  int64_t pieces() const { return divided_up(count, most); }
  // Of parts that are nearly equal: all but the smallest, which is what its owner sends or the largest lacks.
  int64_t others() const { return (count - count / ranks) * element; }
};

Sizes sizes_of(const Operation& operation, int size, const AlgorithmOptions& options) {
  const Tensor& tensor =
      operation.verb == Verb::send || operation.verb == Verb::reduce_scatter || operation.verb == Verb::all_to_all
          ? operation.input
          : operation.output;
  const auto element = static_cast<int64_t>(size_of(tensor.dtype()));
  const bool whole = operation.verb == Verb::broadcast;  // in pieces that are not divided among the ranks
  const int64_t most = std::max<int64_t>(whole ? 1 : size, options.piece_bytes / element);
  return {tensor.num_elements(), element, size, most};
}

WireCost all_reduce_cost(const Sizes& sizes, const AlgorithmOptions& options) {
  if (sizes.bytes() <= options.small_bytes && sizes.element > 2) {
    const int64_t steps = logarithm_up(sizes.ranks);
    const bool power_of_two = (sizes.ranks & (sizes.ranks - 1)) == 0;
    return {power_of_two ? steps : 2 * steps, steps * sizes.bytes(), steps * sizes.bytes()};
  }
  return {sizes.count == 0 ? 0 : sizes.pieces() + 1, 2 * sizes.others(), 2 * sizes.others()};
}

// Every part in pieces of its own.
WireCost parts_cost(const Sizes& sizes) {
  const int64_t part = sizes.count / sizes.ranks;
  const int64_t most = std::min(part, sizes.most / sizes.ranks);
  return {part == 0 ? 0 : divided_up(part, most), sizes.others(), sizes.others()};
}

}  // namespace

WireCost wire_cost(const Operation& operation, int size, const AlgorithmOptions& options) {
  if (operation.verb == Verb::barrier) return {logarithm_up(size), 0, 0};
  const Sizes sizes = sizes_of(operation, size, options);
  switch (operation.verb) {
    case Verb::all_reduce:
      return all_reduce_cost(sizes, options);
    case Verb::broadcast:
      if (sizes.count == 0) return {};
      return {logarithm_up(size) + sizes.pieces() - 1, logarithm_up(size) * sizes.bytes(), sizes.bytes()};
    case Verb::reduce:
      return {2 * sizes.pieces(), sizes.bytes(), 2 * sizes.others()};
    case Verb::send:
      return {1, sizes.bytes(), 0};
    case Verb::receive:
      return {1, 0, sizes.bytes()};
    default:
      return parts_cost(sizes);
  }
}

double link_seconds(const WireCost& cost, double latency, double bandwidth) {
  const double bytes = static_cast<double>(std::max(cost.sent, cost.received));
  return latency * static_cast<double>(cost.steps) + (bandwidth > 0 ? bytes / bandwidth : 0);
}

}  // namespace kumiko
