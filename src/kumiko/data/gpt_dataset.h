// One dataset, or one split of it, as a source of shuffled samples.
#pragma once

#include <memory>
#include <vector>

#include "kumiko/data/indexed_dataset.h"
#include "kumiko/data/sample_order.h"
#include "kumiko/data/sample_source.h"

namespace kumiko {

class GptDataset final : public SampleSource {
 public:
  // Samples from the sequences in `range`; at least num_samples of them, or one epoch where num_samples is 0. `range`
  // must hold at least one token. vocab_size 0: tokens are not checked.
  GptDataset(std::shared_ptr<const IndexedDataset> dataset, SequenceRange range, int64_t num_samples,
             int64_t seq_length, int64_t seed, int64_t vocab_size = 0);
  // The same for a run that was made longer: at least planned[0] samples in the order of that number alone, then, where
  // those do not reach planned[1], whole epochs for the rest, and so on. One epoch where `planned` is empty.
  GptDataset(std::shared_ptr<const IndexedDataset> dataset, SequenceRange range, const std::vector<int64_t>& planned,
             int64_t seq_length, int64_t seed, int64_t vocab_size = 0);

  int64_t num_samples() const override;
  int64_t num_epochs() const;
  void sample(int64_t index, std::span<int32_t> tokens) const override;

 private:
  std::shared_ptr<const IndexedDataset> dataset_;
  int64_t seq_length_;
  int64_t vocab_size_;
  // Epochs that are ordered as one.
  struct Part {
    int64_t first = 0;  // the first of its samples
    SampleOrder order;
    std::vector<SampleStart> starts;  // of every start_stride-th sample of the stream; the others are found from these
  };
  std::vector<Part> parts_;
};

// Several sources mixed by a blend index.
class BlendedDataset final : public SampleSource {
 public:
  // User error if the blend draws more samples from a source than it holds.
  BlendedDataset(std::vector<std::unique_ptr<SampleSource>> sources, std::span<const double> weights,
                 int64_t num_samples);

  int64_t num_samples() const override { return static_cast<int64_t>(dataset_.size()); }
  void sample(int64_t index, std::span<int32_t> tokens) const override;

 private:
  std::vector<std::unique_ptr<SampleSource>> sources_;
  std::vector<int16_t> dataset_;
  std::vector<int64_t> sample_;
};

}  // namespace kumiko
