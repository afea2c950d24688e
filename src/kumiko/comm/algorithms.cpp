#include "kumiko/comm/algorithms.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/comm/reduction.h"

namespace kumiko {
namespace {

// A run of elements.
struct Range {
  int64_t begin = 0;
  int64_t count = 0;
};

// The part of `range` that rank r of `size` owns: nearly equal, the first ones the larger.
Range part_of(Range range, int rank, int size) {
  const int64_t least = range.count / size;
  const int64_t larger = range.count % size;
  return {range.begin + least * rank + std::min<int64_t>(rank, larger), least + (rank < larger ? 1 : 0)};
}

std::byte* at(const Tensor& tensor, int64_t element) {
  return static_cast<std::byte*>(tensor.raw()) + element * static_cast<int64_t>(size_of(tensor.dtype()));
}

void send(Exchange& exchange, const Tensor& tensor, Range range, int peer) {
  const size_t bytes = static_cast<size_t>(range.count) * size_of(tensor.dtype());
  if (bytes > 0) exchange.send(at(tensor, range.begin), bytes, peer);
}

void receive(Exchange& exchange, const Tensor& tensor, Range range, int peer) {
  const size_t bytes = static_cast<size_t>(range.count) * size_of(tensor.dtype());
  if (bytes > 0) exchange.receive(at(tensor, range.begin), bytes, peer);
}

// The peers of this rank, nearest above first, so that not all ranks address the same one at once.
std::vector<int> peers_of(const Exchange& exchange) {
  std::vector<int> peers;
  for (int step = 1; step < exchange.size(); ++step) peers.push_back((exchange.rank() + step) % exchange.size());
  return peers;
}

// Room for what the other ranks contribute to this rank's part of one piece: slot r holds rank r's elements.
class Slots {
 public:
  Slots(MemoryPool& pool, DType dtype, int num, int64_t count)
      : memory_(Tensor::empty(pool, Shape{num, count}, dtype, MemoryPurpose::communication)), count_(count) {}

  void receive(Exchange& exchange, int peer, int64_t count) {
    kumiko::receive(exchange, memory_, {peer * count_, count}, peer);
  }
  // `own`: this rank's contribution.
  void reduce(const Exchange& exchange, ReduceOp op, const void* own, void* result, int64_t count) const {
    std::vector<const void*> contributions;
    for (int r = 0; r < exchange.size(); ++r) {
      contributions.push_back(r == exchange.rank() ? own : at(memory_, r * count_));
    }
    reduce_tree(memory_.dtype(), op, contributions, result, count);
  }

 private:
  Tensor memory_;
  int64_t count_;
};

// Elements of `tensor` in one piece: at least one for each rank.
int64_t piece_elements(const Tensor& tensor, int size, const AlgorithmOptions& options) {
  return std::max<int64_t>(size, options.piece_bytes / static_cast<int64_t>(size_of(tensor.dtype())));
}

std::vector<Range> pieces_of(int64_t count, int64_t piece) {
  std::vector<Range> pieces;
  for (int64_t begin = 0; begin < count; begin += piece) pieces.push_back({begin, std::min(piece, count - begin)});
  return pieces;
}

// Posts this rank's contributions to the sum of `piece`, and room for those of the others to this rank's part.
void scatter(Exchange& exchange, const Tensor& tensor, Range piece, Slots& slots) {
  const Range own = part_of(piece, exchange.rank(), exchange.size());
  for (const int peer : peers_of(exchange)) {
    slots.receive(exchange, peer, own.count);
    send(exchange, tensor, part_of(piece, peer, exchange.size()), peer);
  }
}

// Partial sums travel along the edges of the tree until rank 0 has the whole; then it goes down the same way.
Steps small_all_reduce(const Operation& operation, Exchange& exchange, MemoryPool& pool) {
  const Tensor& tensor = operation.output;
  const Range all = {0, tensor.num_elements()};
  const int rank = exchange.rank();
  const int size = exchange.size();
  const Tensor other = Tensor::empty(pool, tensor.shape(), tensor.dtype(), MemoryPurpose::communication);
  const bool power_of_two = (size & (size - 1)) == 0;
  if (power_of_two) {  // both ends of an edge compute its sum
    for (int distance = 1; distance < size; distance *= 2) {
      receive(exchange, other, all, rank ^ distance);
      send(exchange, tensor, all, rank ^ distance);
      co_yield Delivered{};
      reduce_pair(tensor.dtype(), operation.reduction, tensor.raw(), other.raw(), all.count);
    }
    co_return;
  }
  int distance = 1;
  for (; distance < size && rank % (2 * distance) == 0; distance *= 2) {
    if (rank + distance >= size) continue;
    receive(exchange, other, all, rank + distance);
    co_yield Delivered{};
    reduce_pair(tensor.dtype(), operation.reduction, tensor.raw(), other.raw(), all.count);
  }
  if (rank > 0) {
    send(exchange, tensor, all, rank - distance);
    receive(exchange, tensor, all, rank - distance);
    co_yield Delivered{};
  }
  for (distance /= 2; distance > 0; distance /= 2) {
    if (rank + distance < size) send(exchange, tensor, all, rank + distance);
  }
  co_yield Delivered{};
}

Steps all_reduce(const Operation& operation, Exchange& exchange, MemoryPool& pool, const AlgorithmOptions& options) {
  const Tensor& tensor = operation.output;
  const int rank = exchange.rank();
  const int size = exchange.size();
  const int64_t most = std::min(piece_elements(tensor, size, options), tensor.num_elements());
  const std::vector<Range> pieces = pieces_of(tensor.num_elements(), most);
  Slots slots(pool, tensor.dtype(), size, part_of({0, most}, 0, size).count);
  if (!pieces.empty()) scatter(exchange, tensor, pieces[0], slots);
  for (size_t k = 0; k < pieces.size(); ++k) {
    co_yield Delivered{};
    const Range own = part_of(pieces[k], rank, size);
    slots.reduce(exchange, operation.reduction, at(tensor, own.begin), at(tensor, own.begin), own.count);
    for (const int peer : peers_of(exchange)) {
      receive(exchange, tensor, part_of(pieces[k], peer, size), peer);
      send(exchange, tensor, own, peer);
    }
    if (k + 1 < pieces.size()) scatter(exchange, tensor, pieces[k + 1], slots);
  }
  co_yield Delivered{};
}

Steps reduce_scatter(const Operation& operation, Exchange& exchange, MemoryPool& pool,
                     const AlgorithmOptions& options) {
  const Tensor& input = operation.input;
  const Tensor& output = operation.output;
  const int64_t part = output.num_elements();
  const int64_t most = std::min(part, piece_elements(input, exchange.size(), options) / exchange.size());
  Slots slots(pool, input.dtype(), exchange.size(), most);
  for (const Range piece : pieces_of(part, most)) {
    for (const int peer : peers_of(exchange)) {
      slots.receive(exchange, peer, piece.count);
      send(exchange, input, {peer * part + piece.begin, piece.count}, peer);
    }
    co_yield Delivered{};
    slots.reduce(exchange, operation.reduction, at(input, exchange.rank() * part + piece.begin),
                 at(output, piece.begin), piece.count);
  }
}

// Only the root's tensor changes: the others' parts are summed where they are owned, in memory of their own.
Steps reduce(const Operation& operation, Exchange& exchange, MemoryPool& pool, const AlgorithmOptions& options) {
  const Tensor& tensor = operation.output;
  const int rank = exchange.rank();
  const int size = exchange.size();
  const int64_t most = std::min(piece_elements(tensor, size, options), tensor.num_elements());
  const int64_t largest_part = part_of({0, most}, 0, size).count;
  Slots slots(pool, tensor.dtype(), size, largest_part);
  const Tensor sum = Tensor::empty(pool, Shape{largest_part}, tensor.dtype(), MemoryPurpose::communication);
  for (const Range piece : pieces_of(tensor.num_elements(), most)) {
    scatter(exchange, tensor, piece, slots);
    co_yield Delivered{};
    const Range own = part_of(piece, rank, size);
    if (rank == operation.peer) {
      slots.reduce(exchange, operation.reduction, at(tensor, own.begin), at(tensor, own.begin), own.count);
      for (const int peer : peers_of(exchange)) receive(exchange, tensor, part_of(piece, peer, size), peer);
    } else {
      slots.reduce(exchange, operation.reduction, at(tensor, own.begin), sum.raw(), own.count);
      send(exchange, sum, {0, own.count}, operation.peer);
    }
    co_yield Delivered{};
  }
}

Steps all_gather(const Operation& operation, Exchange& exchange, const AlgorithmOptions& options) {
  const Tensor& input = operation.input;
  const Tensor& output = operation.output;
  const int64_t part = input.num_elements();
  void* own = at(output, exchange.rank() * part);
  if (own != input.raw() && part > 0) std::memcpy(own, input.raw(), input.num_bytes());
  const int64_t most = std::min(part, piece_elements(input, exchange.size(), options) / exchange.size());
  for (const Range piece : pieces_of(part, most)) {
    for (const int peer : peers_of(exchange)) {
      receive(exchange, output, {peer * part + piece.begin, piece.count}, peer);
      send(exchange, input, piece, peer);
    }
    co_yield Delivered{};
  }
}

Steps all_to_all(const Operation& operation, Exchange& exchange, const AlgorithmOptions& options) {
  const Tensor& input = operation.input;
  const Tensor& output = operation.output;
  const int64_t part = input.num_elements() / exchange.size();
  const int64_t own = exchange.rank() * part;
  if (part > 0) std::memcpy(at(output, own), at(input, own), static_cast<size_t>(part) * size_of(input.dtype()));
  const int64_t most = std::min(part, piece_elements(input, exchange.size(), options) / exchange.size());
  for (const Range piece : pieces_of(part, most)) {
    for (const int peer : peers_of(exchange)) {
      receive(exchange, output, {peer * part + piece.begin, piece.count}, peer);
      send(exchange, input, {peer * part + piece.begin, piece.count}, peer);
    }
    co_yield Delivered{};
  }
}

// Down a binomial tree with the root at its top; ranks are counted from the root.
Steps broadcast(const Operation& operation, Exchange& exchange, const AlgorithmOptions& options) {
  const Tensor& tensor = operation.output;
  const int size = exchange.size();
  const int place = (exchange.rank() - operation.peer + size) % size;
  const auto rank_at = [&](int other) { return (other + operation.peer) % size; };
  int below = 1;  // distance to the parent; the children are at smaller distances
  while (below < size && place % (2 * below) == 0) below *= 2;
  for (const Range piece : pieces_of(tensor.num_elements(), piece_elements(tensor, 1, options))) {
    if (place > 0) {
      receive(exchange, tensor, piece, rank_at(place - below));
      co_yield Delivered{};
    }
    for (int distance = below / 2; distance > 0; distance /= 2) {
      if (place + distance < size) send(exchange, tensor, piece, rank_at(place + distance));
    }
    co_yield Delivered{};
  }
}

Steps transfer(const Operation& operation, Exchange& exchange, const AlgorithmOptions& options) {
  const Tensor& tensor = operation.verb == Verb::send ? operation.input : operation.output;
  const int64_t most = options.message_bytes / static_cast<int64_t>(size_of(tensor.dtype()));
  for (const Range piece : pieces_of(tensor.num_elements(), most)) {
    if (operation.verb == Verb::send) {
      send(exchange, tensor, piece, operation.peer);
    } else {
      receive(exchange, tensor, piece, operation.peer);
    }
  }
  co_yield Delivered{};
}

// Dissemination (Hensgen, Finkel, Manber, "Two algorithms for barrier synchronization", 1988): after step k a rank has
// heard, directly or not, from the 2^k ranks before it.
Steps barrier(Exchange& exchange) {
  const int size = exchange.size();
  std::byte sent{1};
  std::byte received{};
  for (int distance = 1; distance < size; distance *= 2) {
    exchange.receive(&received, 1, (exchange.rank() - distance + size) % size);
    exchange.send(&sent, 1, (exchange.rank() + distance) % size);
    co_yield Delivered{};
  }
}

}  // namespace

Steps run_collective(const Operation& operation, Exchange& exchange, MemoryPool& pool,
                     const AlgorithmOptions& options) {
  switch (operation.verb) {
    case Verb::all_reduce:
      // A tree of partial sums would round bf16 and f16 at each step; they are summed where all parts meet.
      if (operation.bytes() <= options.small_bytes && size_of(operation.input.dtype()) > 2) {
        return small_all_reduce(operation, exchange, pool);
      }
      return all_reduce(operation, exchange, pool, options);
    case Verb::reduce_scatter:
      return reduce_scatter(operation, exchange, pool, options);
    case Verb::all_gather:
      return all_gather(operation, exchange, options);
    case Verb::broadcast:
      return broadcast(operation, exchange, options);
    case Verb::reduce:
      return reduce(operation, exchange, pool, options);
    case Verb::all_to_all:
      return all_to_all(operation, exchange, options);
    case Verb::send:
    case Verb::receive:
      return transfer(operation, exchange, options);
    case Verb::barrier:
      break;
  }
  return barrier(exchange);
}

}  // namespace kumiko
