// From the global order of samples to this rank's micro-batches. The order does not know how many ranks there are: step
// s takes samples s G to (s + 1) G - 1, and micro-batch j of rank r the b samples from (j R + r) b on within them.
#pragma once

#include <vector>

#include "kumiko/data/document_mask.h"
#include "kumiko/data/sample_source.h"
#include "kumiko/parallel/accumulate.h"

namespace kumiko {

struct BatchLayout {
  int64_t micro_batch_size = 0;   // b
  int64_t global_batch_size = 0;  // G
  int64_t num_ranks = 1;          // R, of the data axis
  int64_t rank = 0;
  int64_t seq_length = 0;

  int64_t num_micro_batches() const { return global_batch_size / (micro_batch_size * num_ranks); }
  int64_t tokens_per_step() const { return global_batch_size * seq_length; }
  // User error, with the nearest sizes that do, if G does not divide by b R.
  void validate() const;
};

// This rank's micro-batches of global batch `step` of `source`, with their documents kept apart as `documents` says.
std::vector<MicroBatch> load_micro_batches(const SampleSource& source, const BatchLayout& layout, int64_t step,
                                           const DocumentMask& documents, MemoryPool& pool);

}  // namespace kumiko
