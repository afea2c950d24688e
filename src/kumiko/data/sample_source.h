// Where the training loop gets its samples. The source of a split is one sequence of samples, the same on every rank
// and in every layout; who takes which is the loop's affair.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kumiko/data/data_options.h"
#include "kumiko/data/sample_order.h"

namespace kumiko {

class SampleSource {
 public:
  virtual ~SampleSource() = default;

  virtual int64_t num_samples() const = 0;

  // Writes sample `index` (0 <= index < num_samples()), seq_length + 1 tokens: inputs are the first seq_length, labels
  // the last. Any thread may call it, at any time, in any order. User error if a token is not below the vocabulary
  // size that the source was made with.
  virtual void sample(int64_t index, std::span<int32_t> tokens) const = 0;
};

struct SampleRequest {
  Split split = Split::train;
  int64_t num_samples = 0;  // at least 1: all that the run will draw
  int64_t seq_length = 0;
  int64_t seed = 1234;
  int64_t vocab_size = 0;  // 0: any
  // Where a run has been made longer since it began: how many samples in all each start has planned, ascending. The
  // order of those that an earlier plan holds stays, and each longer plan continues it with epochs of its own; shuffled
  // anew as one, samples that were drawn would come again. Empty: num_samples alone, which is Megatron's order.
  std::vector<int64_t> planned{};
};

// Builds the source that Megatron would draw from: epochs, splits, shuffles and blends exactly as there. It holds at
// least request.num_samples samples. User error if a dataset is missing or damaged, a split holds no tokens, a token
// exceeds the vocabulary, or datasets without weights (each of which gives one epoch) hold too few samples.
std::unique_ptr<SampleSource> make_sample_source(const DataOptions& options, const SampleRequest& request);

}  // namespace kumiko
