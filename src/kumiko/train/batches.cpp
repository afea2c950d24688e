#include "kumiko/train/batches.h"

#include <algorithm>

#include "kumiko/base/error.h"

namespace kumiko {

void BatchLayout::validate() const {
  const int64_t at_once = micro_batch_size * num_ranks;
  if (global_batch_size % at_once == 0) return;
  const int64_t below = global_batch_size / at_once * at_once;
  throw_user(
      "train.global_batch_size = {} does not divide by train.micro_batch_size = {} x data-parallel size {} = {}; "
      "the nearest sizes that do are {}{}",
      global_batch_size, micro_batch_size, num_ranks, at_once, below > 0 ? fmt::format("{} and ", below) : "",
      below + at_once);
}

std::vector<MicroBatch> load_micro_batches(const SampleSource& source, const BatchLayout& layout, int64_t step,
                                           const DocumentMask& documents, MemoryPool& pool) {
  const Shape shape{layout.micro_batch_size, layout.seq_length};
  std::vector<int32_t> sample(static_cast<size_t>(layout.seq_length + 1));
  std::vector<MicroBatch> micro_batches;
  for (int64_t j = 0; j < layout.num_micro_batches(); ++j) {
    MicroBatch batch;
    batch.first_sample = (j * layout.num_ranks + layout.rank) * layout.micro_batch_size;
    const auto numbers = [&] { return Tensor::empty(pool, shape, DType::i32, MemoryPurpose::workspace); };
    batch.tokens = numbers();
    batch.targets = numbers();
    if (documents.reset_attention_mask) batch.first_keys = numbers();
    if (documents.reset_position_ids) batch.positions = numbers();
    for (int64_t b = 0; b < layout.micro_batch_size; ++b) {
      source.sample(step * layout.global_batch_size + batch.first_sample + b, sample);
      const auto row = [&](const Tensor& tensor) { return tensor.rows(b, b + 1).elements<int32_t>(); };
      const std::span<const int32_t> inputs(sample.data(), sample.size() - 1);
      std::copy(inputs.begin(), inputs.end(), row(batch.tokens).begin());
      std::copy(sample.begin() + 1, sample.end(), row(batch.targets).begin());
      if (batch.first_keys) document_first_keys(inputs, documents.end_of_document, row(batch.first_keys));
      if (batch.positions) document_positions(inputs, documents.end_of_document, row(batch.positions));
      if (documents.eod_mask_loss) mask_targets_of_ends(inputs, documents.end_of_document, row(batch.targets));
    }
    micro_batches.push_back(std::move(batch));
  }
  return micro_batches;
}

}  // namespace kumiko
