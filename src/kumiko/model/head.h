// Final norm, projection to the vocabulary and cross-entropy: the last unit. The logits of all tokens never exist at
// once: a chunk of rows is projected, its loss and gradient taken, and forgotten. Along the tensor axis each rank has
// the logits of its part of the vocabulary, and only three numbers a row are exchanged (Shoeybi et al. 2019, section
// 3). Under sequence parallelism the norm is of this rank's shard of the tokens; its output is gathered, and the
// gradient of that summed to shards, behind the products (chunked.h).
#pragma once

#include <memory>
#include <vector>

#include "kumiko/model/norm.h"
#include "kumiko/model/unit.h"

namespace kumiko {

// Rows of logits that exist at once: enough for an efficient product, few enough for a workspace of about 200 MB. The
// same on all ranks of the tensor axis, whose parts of the `vocabulary` need not be equal.
int64_t head_rows_per_chunk(int64_t vocabulary, int64_t tensor_ranks, int64_t num_tokens);

struct HeadOptions {
  NormOptions norm;
  int64_t vocab_size = 0;
  double init_std = 0;
};

class Head final : public Unit {
 public:
  // `tied` is a table of tokens that is shared, or null for a weight of its own ("head.weight").
  Head(ParameterRegistry& registry, const HeadOptions& options, Parameter* tied);

  void prepare(Kernels& kernels) override;
  void release() override;
  // Adds the sum of the losses to pass.loss_sum. With a stash, all gradients are taken here, while the logits exist,
  // and the backward only hands that of x on.
  Tensor forward(Pass& pass, const Tensor& x) override;
  Tensor backward(Pass& pass, const Tensor& dy) override;

  // Logits [rows of x, V] for generation and tests.
  Tensor logits(Pass& pass, const Tensor& x) const;

 private:
  // A part of this rank's vocabulary whose logits lie together: all of it, or a canonical block (canonical.h).
  struct Block {
    int64_t first_token = 0;
    int64_t size = 0;
    int64_t place = 0;  // of its first token among this rank's
    std::unique_ptr<PreparedWeight> prepared;
  };
  // The losses, and the gradient of the norm's output if there is to be one; those of the projection are added.
  Tensor losses_and_gradient(Pass& pass, const Tensor& normed);
  // One row of max, sum and target logit for each row of logits, over the whole vocabulary.
  struct Statistics {
    Tensor max;
    Tensor sum;
    Tensor target_logit;
  };
  // Each block's logits of `num_rows` rows, in `workspace`.
  std::vector<Tensor> logits_in(const Tensor& workspace, int64_t num_rows) const;
  void project(Kernels& kernels, const Tensor& normed, const Block& block, const Tensor& logits) const;
  Statistics statistics(Pass& pass, const std::vector<Tensor>& logits, const Tensor& targets) const;
  Statistics combined(Pass& pass, const std::vector<Statistics>& of_blocks) const;
  // This rank's part of the gradient of the norm's output, from that of its logits' rows from `begin` on.
  void partial_backward_input(Pass& pass, const std::vector<Tensor>& dlogits, int64_t begin,
                              const Tensor& dnormed) const;

  bool reproducible_;
  int64_t vocabulary_;  // of this rank
  int64_t whole_vocabulary_;
  std::vector<Block> blocks_;
  Norm norm_;
  Parameter* weight_;  // [V, H]
};

}  // namespace kumiko
