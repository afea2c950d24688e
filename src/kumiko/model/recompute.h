// Activation recomputation: what the backward needs is computed again instead of kept (Chen et al. 2016, "Training deep
// nets with sublinear memory cost"; selective: Korthikanti et al. 2022, section 5). Dropout masks depend on places
// alone, so the second forward gives the bits of the first, and every setting gives the same losses and gradients.
#pragma once

#include <vector>

#include "kumiko/base/options.h"

namespace kumiko {

// none: all is kept. selective: a block's attention output and log-sum-exp are computed again from q, k and v. full: a
// span of blocks keeps its input only and runs its forward again.
enum class RecomputeGranularity : uint8_t { none, selective, full };

// Of full recomputation with recompute_num_layers = k. uniform: spans of k blocks each, over all of them. block: the
// first k blocks, each by itself; the others keep all.
enum class RecomputeMethod : uint8_t { uniform, block };

struct RecomputeOptions {
  RecomputeGranularity granularity = RecomputeGranularity::none;
  RecomputeMethod method = RecomputeMethod::uniform;
  int64_t num_layers = 1;

  // Adds to the section that `table` is in.
  void describe(OptionTable& table);
  // User error naming the option; `model_layers`: blocks of the model.
  void validate(int64_t model_layers) const;
};

// Blocks [begin, end) whose forward runs as one; if recomputed, twice.
struct BlockSpan {
  int64_t begin = 0;
  int64_t end = 0;
  bool recomputed = false;

  friend bool operator==(const BlockSpan&, const BlockSpan&) = default;
};

// All blocks in order. Those that are not recomputed lie in spans of any length.
std::vector<BlockSpan> block_spans(const RecomputeOptions& options, int64_t num_layers);

}  // namespace kumiko
