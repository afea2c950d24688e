// How a model is cut along the tensor axis (Shoeybi et al. 2019, "Megatron-LM", section 3): heads, feed-forward columns
// and the vocabulary are shared out; norms and what is added to the residual stream are everyone's, or, under sequence
// parallelism (Korthikanti et al. 2022, section 4.2.2), each rank's for its share of the tokens.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kumiko/model/options.h"

namespace kumiko {

struct IndexRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

struct TensorParallel {
  int64_t size = 1;
  int64_t rank = 0;
  bool sequence_parallel = false;  // whether norms see a share of the tokens only; not with size 1
  int64_t canonical_blocks = 0;    // in the reproducible mode (canonical.h), of all ranks; else none

  // This rank's part of `count` in pieces of `granule`, in the order of ranks and as equal as they can be. Where there
  // are fewer pieces than ranks, several ranks have the same one.
  IndexRange share(int64_t count, int64_t granule = 1) const {
    const int64_t pieces = count / granule;
    const int64_t begin = pieces * rank / size;
    const int64_t end = std::max(begin + 1, pieces * (rank + 1) / size);
    return {begin * granule, end * granule};
  }
  bool reproducible() const { return canonical_blocks > 0; }
  // This rank's blocks, and one of them, as a part among all blocks; without canonical ones, its part as a whole.
  int64_t num_blocks() const { return reproducible() ? canonical_blocks / size : 1; }
  TensorParallel block(int64_t index) const {
    if (!reproducible()) return *this;
    return {canonical_blocks, rank * num_blocks() + index, sequence_parallel, canonical_blocks};
  }
  // The sizes of this rank's blocks together: more than its part where blocks share pieces.
  int64_t size_of_blocks(int64_t count, int64_t granule = 1) const {
    int64_t sum = 0;
    for (int64_t index = 0; index < num_blocks(); ++index) sum += block(index).share(count, granule).size();
    return sum;
  }

  // Ranks that have the same part.
  int64_t holders(int64_t count, int64_t granule = 1) const { return std::max<int64_t>(1, size / (count / granule)); }
};

// Whether the model can be cut for so many ranks: each has equally many heads, and at least one column of the
// feed-forward and one token of the vocabulary.
bool can_cut(const ModelOptions& options, int64_t size);
// User error, naming what cannot be shared out and the nearest sizes that can be cut for, if it cannot.
void check_tensor_parallel(const ModelOptions& options, int64_t size);

}  // namespace kumiko
