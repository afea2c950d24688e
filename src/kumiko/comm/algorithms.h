// The collective algorithms: each verb as messages between pairs of ranks and local sums. Nothing here knows who
// carries the messages, so all of it is tested in one process.
//
// Large tensors go in pieces that stay in cache while they are sent, summed and sent on. In every piece each rank owns
// one p-th: it receives the others' parts of what it owns, sums them (comm/reduction.h says in which order), and, for
// an all_reduce, hands the sum to everyone: the least bytes that any algorithm can send, (p-1)/p of the tensor per rank
// each way. Small tensors go in log2(p) steps.
#pragma once

#include "kumiko/comm/exchange.h"
#include "kumiko/comm/operation.h"
#include "kumiko/comm/steps.h"
#include "kumiko/tensor/memory.h"

namespace kumiko {

struct AlgorithmOptions {
  int64_t piece_bytes = 4 << 20;    // of the tensor: what is worked on at once
  int64_t small_bytes = 8 << 10;    // up to here all_reduce takes the fewest steps instead of the fewest bytes
  int64_t message_bytes = 1 << 28;  // longest message of a send
};

// Bytes of `pool` that all_reduce of `num_elements` holds while it runs among `size` ranks.
int64_t all_reduce_memory(int64_t num_elements, DType dtype, int size, const AlgorithmOptions& options = {});

// The same of reduce_scatter; `num_elements` of its input.
int64_t reduce_scatter_memory(int64_t num_elements, DType dtype, int size, const AlgorithmOptions& options = {});

// The algorithm of the operation's verb. `operation`, `exchange`, `pool` must outlive the steps.
Steps run_collective(const Operation& operation, Exchange& exchange, MemoryPool& pool, const AlgorithmOptions& options);

}  // namespace kumiko
