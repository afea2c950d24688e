#include "kumiko/model/memory.h"

#include <algorithm>

#include "kumiko/model/head.h"
#include "kumiko/model/model.h"

namespace kumiko {
namespace {

// Follows the step through its moments, as layers, blocks and head allocate; all in bytes.
class StepWalk {
 public:
  // Of a stage that has these units of the model.
  StepWalk(const ModelOptions& model, const StepMemoryShape& shape, IndexRange units)
      : shape_(shape),
        embedding_(units.begin == 0),
        head_(units.end == num_model_units(model)),
        num_blocks_(units.size() - (embedding_ ? 1 : 0) - (head_ ? 1 : 0)) {
    const auto element = static_cast<int64_t>(size_of(shape.compute));
    const auto statistic = static_cast<int64_t>(size_of(shape.compute == DType::f64 ? DType::f64 : DType::f32));
    const int64_t tokens = shape.micro_batch_size * shape.seq_length;
    const bool llama = model.architecture == Architecture::llama;
    const TensorParallel& tensor = shape.tensor_parallel;
    const int64_t heads = tensor.share(model.num_attention_heads).size();
    const int64_t kv_heads = tensor.share(model.num_kv_heads()).size();
    const int64_t vocabulary = tensor.share(model.vocab_size).size();
    const int64_t shard_tokens = tensor.sequence_parallel ? tokens / tensor.size : tokens;
    stream_ = shard_tokens * model.hidden_size * element;
    gathered_ = tensor.sequence_parallel ? tokens * model.hidden_size * element : 0;
    queries_ = tokens * heads * model.head_size() * element;
    qkv_ = queries_ + 2 * tokens * kv_heads * model.head_size() * element;
    wide_ = tokens * tensor.share(model.feed_forward_size()).size() * element;
    swiglu_ = llama;
    pre_ = llama ? 2 * wide_ : wide_;
    moments_ = (llama ? 1 : 2) * shard_tokens * statistic;
    const int64_t attended = queries_ + tokens * heads * statistic;
    attended_again_ = shape.recompute.granularity == RecomputeGranularity::selective ? attended : 0;
    masked_ = model.hidden_dropout > 0 ? stream_ : 0;
    branch_ = tensor.size > 1 ? stream_ + gathered_ : masked_;
    input_gradient_ = 2 * stream_ + 2 * gathered_;
    attention_kept_ = moments_ + qkv_ + attended - attended_again_;
    // The MLP's norm keeps the residual sum; the MLP the input of its activation.
    mlp_kept_ = stream_ + moments_ + pre_;
    const int64_t rows =
        std::min(tokens, head_rows_per_chunk(model.vocab_size, tensor.reproducible() ? 1 : tensor.size, tokens));
    logits_ = rows * (vocabulary * element + (tensor.size > 1 ? 4 : 3) * statistic);
    // Tokens and targets, i32, and what else a micro-batch brings.
    const int64_t numbers = 2 + (shape.first_keys ? 1 : 0) + (shape.positions ? 1 : 0);
    workspace_ = shape.kernel_workspace + numbers * 4 * tokens * shape.num_micro_batches;
    // What the window adds to one of them.
    if (model.window_size > 0 && shape.seq_length > model.window_size) workspace_ += 4 * tokens;
    // Tables of rotary positions.
    if (llama) workspace_ += shape.seq_length * model.head_size() * statistic;
  }

  void run() {
    forward();
    stash_at_end_ = stash_;
    backward();
  }

  int64_t stash_at_end() const { return stash_at_end_; }
  // What weight work holds: inputs of the products and gradients of their results.
  int64_t held_for_weights() const {
    const int64_t block = 4 * stream_ + qkv_ + queries_ + 2 * pre_ + (swiglu_ ? wide_ : 0);
    return num_blocks_ * block + (embedding_ ? stream_ + gathered_ : 0);
  }
  int64_t stash_peak() const { return stash_peak_; }
  int64_t workspace_peak() const { return workspace_peak_; }
  int64_t peak() const { return peak_; }

 private:
  // A moment with this much beside what is held.
  void moment(int64_t stash, int64_t workspace) {
    stash += stash_;
    workspace += workspace_;
    stash_peak_ = std::max(stash_peak_, stash);
    workspace_peak_ = std::max(workspace_peak_, workspace);
    peak_ = std::max(peak_, stash + workspace);
  }

  // The units' inputs and outputs are part of the stash: a block adds its output, and what it keeps between.
  void forward_block_keeping() {
    moment(attention_kept_ + stream_, stream_ + attended_again_ + branch_);
    stash_ += attention_kept_ + mlp_kept_ + stream_;
    moment(0, stream_ + wide_ + branch_);
  }
  // A block that keeps nothing, not even its input unless that is kept anyway.
  void forward_block_once(bool input_kept) {
    const int64_t residual = stream_;
    moment(0, residual + stream_ + qkv_ + queries_ + branch_);
    moment(stream_, residual + stream_ + pre_ + wide_ + branch_);
    if (input_kept) stash_ += stream_;
  }

  void forward() {
    if (embedding_) moment(stream_, gathered_);
    stash_ += stream_;  // the embedding's output, or what another stage has sent
    for (const BlockSpan& span : block_spans(shape_.recompute, num_blocks_)) {
      for (int64_t block = span.begin; block < span.end; ++block) {
        span.recomputed ? forward_block_once(block == span.begin) : forward_block_keeping();
      }
    }
    if (!head_) {
      stash_ -= stream_;  // the output leaves
      return;
    }
    // The head's norm, its output and the gradient of that; then the gradient of its input, which takes its place.
    moment(moments_, 2 * stream_ + 2 * gathered_ + logits_);
    moment(moments_ + stream_, stream_ + gathered_);
  }

  // The gradient that goes from block to block stays where the head left it, in the stash.
  void backward_block() {
    moment(0, masked_ + gathered_ + wide_);
    if (swiglu_) {
      moment(0, masked_ + gathered_ + 2 * wide_);  // the activated input, made again
      moment(0, input_gradient_);                  // its gradient has taken the place of what was kept
      stash_ -= pre_;
    } else {
      stash_ -= pre_;
      moment(0, pre_ + input_gradient_);
    }
    stash_ -= stream_ + moments_;
    moment(0, attended_again_ + masked_ + gathered_ + queries_);
    moment(0, attended_again_ + queries_ + qkv_);
    stash_ -= attention_kept_ - moments_;
    moment(0, qkv_ + input_gradient_);
    stash_ -= moments_ + stream_;  // with its input
  }

  void backward() {
    if (!head_) workspace_ += stream_;  // the gradient that another stage has sent
    const std::vector<BlockSpan> spans = block_spans(shape_.recompute, num_blocks_);
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
      if (span->recomputed) {
        for (int64_t block = span->begin; block < span->end; ++block) forward_block_keeping();
        stash_ -= stream_;  // the output is of no use
      }
      for (int64_t block = span->begin; block < span->end; ++block) backward_block();
    }
    if (embedding_) moment(0, gathered_);
  }

  const StepMemoryShape& shape_;
  bool embedding_;
  bool head_;
  int64_t num_blocks_;
  int64_t stream_;          // [T, H], or under sequence parallelism [T/t, H]
  int64_t gathered_;        // under sequence parallelism [T, H], beside that
  int64_t queries_;         // [T, A D]
  int64_t qkv_;             // [T, (A + 2 K) D]
  int64_t wide_;            // [T, F]
  bool swiglu_;             // or GELU
  int64_t pre_;             // the input of the MLP's activation
  int64_t moments_;         // statistics of one norm
  int64_t attended_again_;  // the heads' output and log-sum-exp, if they are computed again
  int64_t masked_;          // a gradient beside its dropped version
  int64_t branch_;          // a branch that cannot be added as it is made
  int64_t input_gradient_;  // of a linear behind a norm, and that norm's output, made again
  int64_t attention_kept_;
  int64_t mlp_kept_;
  int64_t logits_;  // of one chunk, with its statistics

  int64_t stash_ = 0;
  int64_t workspace_ = 0;
  int64_t stash_peak_ = 0;
  int64_t stash_at_end_ = 0;
  int64_t workspace_peak_ = 0;
  int64_t peak_ = 0;
};

}  // namespace

StepMemory step_memory(const ModelOptions& model, const StepMemoryShape& shape) {
  StepWalk walk(model, shape, {0, num_model_units(model)});
  walk.run();
  const auto weight = static_cast<int64_t>(size_of(shape.weights));
  const int64_t padded = Model(model, shape.tensor_parallel).parameters().num_elements_padded() * weight;
  const int64_t states = shape.optimizer_states * padded;
  return {{padded, padded, states, walk.stash_peak(), walk.workspace_peak(), shape.communication, shape.checkpoint},
          2 * padded + states + walk.peak() + shape.communication + shape.checkpoint};
}

int64_t stash_bytes(const ModelOptions& model, const StepMemoryShape& shape) {
  StepWalk walk(model, shape, {0, num_model_units(model)});
  walk.run();
  return walk.stash_at_end();
}

StageStepMemory stage_step_memory(const ModelOptions& model, const StepMemoryShape& shape, IndexRange units) {
  StepWalk walk(model, shape, units);
  walk.run();
  return {walk.stash_at_end(), walk.held_for_weights(), walk.stash_peak(), walk.workspace_peak()};
}

}  // namespace kumiko
