#include "kumiko/model/traffic.h"

#include <algorithm>

#include "kumiko/model/chunked.h"
#include "kumiko/model/head.h"
#include "kumiko/model/model.h"

namespace kumiko {
namespace {

// Adds up rows of one verb and purpose.
class Rows {
 public:
  void add(Verb verb, std::string_view purpose, int64_t calls, int64_t bytes) {
    if (calls == 0) return;
    const auto found = std::find_if(rows_.begin(), rows_.end(),
                                    [&](const TrafficRow& row) { return row.verb == verb && row.purpose == purpose; });
    TrafficRow& row =
        found == rows_.end() ? rows_.emplace_back(TrafficRow{verb, Axis::tensor, std::string(purpose)}) : *found;
    row.calls += calls;
    row.bytes += calls * bytes;
  }
  std::vector<TrafficRow> take() { return std::move(rows_); }

 private:
  std::vector<TrafficRow> rows_;
};

// Blocks whose forward runs in a micro-batch, counting those that run again.
int64_t block_forwards(const RecomputeOptions& recompute, int64_t num_layers) {
  int64_t count = num_layers;
  for (const BlockSpan& span : block_spans(recompute, num_layers)) count += span.recomputed ? span.end - span.begin : 0;
  return count;
}

}  // namespace

std::vector<TrafficRow> tensor_traffic(const ModelOptions& model, const StepMemoryShape& shape, int64_t num_chunks) {
  const TensorParallel& tensor = shape.tensor_parallel;
  if (tensor.size == 1) return {};
  const bool shards = tensor.sequence_parallel;
  const int64_t tokens = shape.micro_batch_size * shape.seq_length;
  const int64_t chunks = TokenChunks::of(tokens, num_chunks, shards ? tensor.size : 1).count;
  const int64_t times = shape.num_micro_batches * chunks;
  const int64_t stream = tokens * model.hidden_size * static_cast<int64_t>(size_of(shape.compute)) / chunks;
  const int64_t forwards = 2 * block_forwards(shape.recompute, model.num_layers);  // residual branches
  const int64_t backwards = 2 * model.num_layers;
  const Verb sum = shards ? Verb::reduce_scatter : Verb::all_reduce;
  Rows rows;
  // The embedding and each branch; the head's input gradient and each branch's.
  rows.add(sum, activations_traffic, (1 + forwards) * times, stream);
  // Where inputs are split, gradients cross one chunk at a time as well.
  rows.add(sum, gradients_traffic, (1 + backwards) * times, stream);
  if (shards) {
    // In front of each branch and the head; the other way round in the backward; and what the weight's gradient of each
    // branch's first linear reads.
    rows.add(Verb::all_gather, activations_traffic, (1 + forwards) * times, stream);
    rows.add(Verb::all_gather, gradients_traffic, (1 + backwards) * times, stream);
    rows.add(Verb::all_gather, weight_inputs_traffic, backwards * times, stream);
  }
  // Of each row of logits its maximum, its sum and the target's; and whether to stop.
  const auto statistic = static_cast<int64_t>(size_of(shape.compute == DType::f64 ? DType::f64 : DType::f32));
  const int64_t rows_at_once = head_rows_per_chunk(model.vocab_size, tensor.reproducible() ? 1 : tensor.size, tokens);
  for (int64_t begin = 0; begin < tokens; begin += rows_at_once) {
    rows.add(Verb::all_reduce, "loss", 3 * shape.num_micro_batches, std::min(rows_at_once, tokens - begin) * statistic);
  }
  rows.add(Verb::all_reduce, "loss", 1, sizeof(double));
  rows.add(Verb::all_reduce, "gradient norm", 1, sizeof(double));
  return rows.take();
}

}  // namespace kumiko
