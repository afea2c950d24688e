#include "kumiko/model/token_chunks.h"

#include <numeric>

#include "kumiko/base/error.h"

namespace kumiko {

// Fewer rows than this are multiplied in another way, with other rounding; so a chunk has no fewer, and results do not
// depend on how many there are.
static constexpr int64_t least_rows = 8;

TokenChunks TokenChunks::of(int64_t num_tokens, int64_t wanted, int64_t ranks, int64_t rank) {
  if (num_tokens % ranks != 0) throw_internal("{} tokens are not shards of {} ranks", num_tokens, ranks);
  int64_t count = std::max<int64_t>(1, wanted);
  while (count > 1 && (num_tokens % (ranks * count) != 0 || num_tokens / count < least_rows)) --count;
  return {num_tokens, count, ranks, rank};
}

int64_t default_token_chunks(int64_t num_tokens) {
  constexpr int64_t most_chunks = 4;
  constexpr int64_t efficient_rows = 256;
  return std::clamp<int64_t>(num_tokens / efficient_rows, 1, most_chunks);
}

void check_sequence_parallel(int64_t micro_batch_size, int64_t seq_length, int64_t ranks) {
  if (micro_batch_size * seq_length % ranks == 0) return;
  const int64_t step = ranks / std::gcd(ranks, micro_batch_size);
  const int64_t below = seq_length / step * step;
  throw_user(
      "parallel.sequence_parallel = true: the {} tokens of a micro-batch (train.micro_batch_size = {} x "
      "train.seq_length = {}) do not divide by parallel.tensor_model_parallel_size = {}; the nearest lengths that do "
      "are {}{}",
      micro_batch_size * seq_length, micro_batch_size, seq_length, ranks,
      below == 0 ? "" : std::to_string(below) + " and ", below + step);
}

}  // namespace kumiko
