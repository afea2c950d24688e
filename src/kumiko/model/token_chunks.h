// The token rows of a micro-batch, cut for communication on the tensor axis. Legend: T tokens, C chunks, t ranks.
//
// Chunk c is rows [c T/C, (c+1) T/C): while one chunk is multiplied, another is on its way. Under sequence parallelism
// the rows of each chunk are shared out to the ranks in equal runs, so that a chunk gathered from all ranks is one run
// of rows, and what a rank has of all chunks, its shard, is [T/t, ...]. With T = 8, C = 2, t = 2:
//   row of the whole   0 1 2 3 | 4 5 6 7
//   rank, row there    0 0 1 1 | 0 0 1 1
//                      0 1 0 1 | 2 3 2 3
#pragma once

#include <cstdint>

#include "kumiko/model/tensor_parallel.h"

namespace kumiko {

struct TokenChunks {
  int64_t num_tokens = 0;
  int64_t count = 1;  // C
  int64_t ranks = 1;  // that share out each chunk; 1: every rank has all rows
  int64_t rank = 0;

  // As many chunks as fit, of those `wanted`.
  static TokenChunks of(int64_t num_tokens, int64_t wanted, int64_t ranks = 1, int64_t rank = 0);

  // Rows of the whole tensor, and of the shard.
  IndexRange whole(int64_t chunk) const { return part(chunk, num_tokens / count); }
  IndexRange shard(int64_t chunk) const { return part(chunk, shard_tokens() / count); }
  int64_t shard_tokens() const { return num_tokens / ranks; }
  // Where the shard's rows of a chunk begin in the whole tensor.
  int64_t first_token(int64_t chunk) const { return whole(chunk).begin + rank * shard(chunk).size(); }

 private:
  static IndexRange part(int64_t chunk, int64_t size) { return {chunk * size, (chunk + 1) * size}; }
};

// The chunks that are wanted where nobody says how many.
int64_t default_token_chunks(int64_t num_tokens);

// User error, naming the nearest sizes that do, unless the tokens of a micro-batch can be shared out to `ranks`.
void check_sequence_parallel(int64_t micro_batch_size, int64_t seq_length, int64_t ranks);

}  // namespace kumiko
