#include "kumiko/data/gpt_dataset.h"

#include <algorithm>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/data/blend.h"

namespace kumiko {
namespace {

// Memory against time: a start is 16 bytes, and finding one from the nearest kept walks at most this many samples.
constexpr int64_t start_stride = 16;

void check_index(int64_t index, int64_t num_samples) {
  if (index < 0 || index >= num_samples) {
    throw_internal("sample {} was asked of a source of {} samples", index, num_samples);
  }
}

}  // namespace

GptDataset::GptDataset(std::shared_ptr<const IndexedDataset> dataset, SequenceRange range, int64_t num_samples,
                       int64_t seq_length, int64_t seed, int64_t vocab_size)
    : GptDataset(std::move(dataset), range, std::vector<int64_t>{num_samples}, seq_length, seed, vocab_size) {}

GptDataset::GptDataset(std::shared_ptr<const IndexedDataset> dataset, SequenceRange range,
                       const std::vector<int64_t>& planned, int64_t seq_length, int64_t seed, int64_t vocab_size)
    : dataset_(std::move(dataset)),
      seq_length_(seq_length),
      vocab_size_(vocab_size == 0 ? any_vocabulary : vocab_size) {
  for (const int64_t total : planned.empty() ? std::vector<int64_t>{0} : planned) {
    const int64_t held = parts_.empty() ? 0 : num_samples();
    if (!parts_.empty() && total <= held) continue;
    Part part;
    part.first = held;
    // Another seed: the same one would bring the first epoch's order again.
    part.order = build_sample_order(dataset_->sizes(), range, total - held, seq_length,
                                    (seed + static_cast<int64_t>(parts_.size())) % (int64_t{1} << 32));
    part.starts = build_sample_index(dataset_->sizes(), part.order.document_index, seq_length,
                                     part.order.epochs.num_samples, start_stride);
    parts_.push_back(std::move(part));
  }
}

int64_t GptDataset::num_samples() const { return parts_.back().first + parts_.back().order.epochs.num_samples; }

int64_t GptDataset::num_epochs() const {
  int64_t epochs = 0;
  for (const Part& part : parts_) epochs += part.order.epochs.num_epochs;
  return epochs;
}

void GptDataset::sample(int64_t index, std::span<int32_t> tokens) const {
  check_index(index, num_samples());
  if (static_cast<int64_t>(tokens.size()) != seq_length_ + 1) {
    throw_internal("a sample has {} tokens, not {}", seq_length_ + 1, tokens.size());
  }
  const Part& part = *std::find_if(parts_.rbegin(), parts_.rend(), [&](const Part& p) { return p.first <= index; });
  const SampleOrder& order = part.order;
  const int64_t in_stream = order.shuffle_index[static_cast<size_t>(index - part.first)];
  SampleStart start = part.starts[static_cast<size_t>(in_stream / start_stride)];
  for (int64_t i = 0; i < in_stream % start_stride; ++i) {
    start = next_sample(dataset_->sizes(), order.document_index, seq_length_, start);
  }
  while (!tokens.empty()) {
    const int64_t sequence = order.document_index[static_cast<size_t>(start.position)];
    const int64_t available = dataset_->sizes()[sequence] - start.offset;
    const size_t count = std::min(tokens.size(), static_cast<size_t>(available));
    dataset_->read(sequence, start.offset, tokens.first(count), vocab_size_);
    tokens = tokens.subspan(count);
    start = {start.position + 1, 0};
  }
}

BlendedDataset::BlendedDataset(std::vector<std::unique_ptr<SampleSource>> sources, std::span<const double> weights,
                               int64_t num_samples)
    : sources_(std::move(sources)) {
  BlendIndex index = build_blend_index(weights, num_samples);
  dataset_ = std::move(index.dataset);
  sample_ = std::move(index.sample);
  for (size_t i = 0; i < dataset_.size(); ++i) {
    const auto d = static_cast<size_t>(dataset_[i]);
    if (sample_[i] < sources_[d]->num_samples()) continue;
    throw_user(
        "the blend draws more than the {} samples that dataset {} (counted from 0) holds; a weight that is very "
        "small beside the others can do this: make it larger or leave the dataset out",
        sources_[d]->num_samples(), d);
  }
}

void BlendedDataset::sample(int64_t index, std::span<int32_t> tokens) const {
  check_index(index, num_samples());
  const auto i = static_cast<size_t>(index);
  sources_[static_cast<size_t>(dataset_[i])]->sample(sample_[i], tokens);
}

}  // namespace kumiko
