// A model: an ordered list of units over one registry of parameters.
#pragma once

#include <memory>
#include <vector>

#include "kumiko/model/head.h"
#include "kumiko/model/options.h"
#include "kumiko/model/parameter.h"
#include "kumiko/model/unit.h"

namespace kumiko {

class Model {
 public:
  // Embedding, blocks, head, of the architecture that the options name, or this rank's part of them. `options` must be
  // valid, for the tensor axis too (check_tensor_parallel). Parameters have no memory yet.
  explicit Model(const ModelOptions& options, TensorParallel tensor_parallel = {});

  const ModelOptions& options() const { return options_; }
  ParameterRegistry& parameters() { return *parameters_; }
  const ParameterRegistry& parameters() const { return *parameters_; }
  const std::vector<std::unique_ptr<Unit>>& units() const { return units_; }
  Head& head() const { return static_cast<Head&>(*units_.back()); }

  // Call after the weights have changed.
  void prepare(Kernels& kernels);

  // One micro-batch through every unit; losses are added to pass.loss_sum.
  void forward(Pass& pass);
  // The backward of the last forward of `pass`, recomputing what it did not keep. The gradients of a unit are complete
  // after its visit, last unit first.
  void backward(Pass& pass);

  // The visits of one micro-batch, in order: a forward alone, or a forward and its backward.
  std::vector<UnitVisit> forward_visits() const;
  std::vector<UnitVisit> training_visits(const RecomputeOptions& recompute) const;
  // The units whose weights a visit reads, and those whose gradients it adds to: its own, and that of the embedding
  // where the head shares its table.
  std::vector<int> weights_read(const UnitVisit& visit) const;
  std::vector<int> gradients_added(const UnitVisit& visit) const;
  // Logits [T, V] of all positions: for evaluation of few tokens, and tests.
  Tensor logits(Pass& pass);
  // Logits [B, V] of the last position of each sequence; the pass's cache grows by its tokens.
  Tensor generate_step(Pass& pass);

 private:
  int head_unit() const { return static_cast<int>(units_.size()) - 1; }
  bool shares_table() const { return !options_.untie_embeddings_and_output_weights; }
  // Units [begin, end).
  Tensor forward_units(Pass& pass, int64_t begin, int64_t end, Tensor x);
  // Embedding and blocks; applies the window first.
  Tensor forward_blocks(Pass& pass);
  // Narrows what each token of the pass attends to, to the model's window.
  void apply_window(Pass& pass) const;

  ModelOptions options_;
  std::unique_ptr<ParameterRegistry> parameters_;
  std::vector<std::unique_ptr<Unit>> units_;
};

// The parameters of a model of this shape. Of GPT with F = 4 H and a tied head: 12 L H^2 (1 + 13/(12 H)) + (V + P) H +
// 2 H (Narayanan et al. 2021, equation 2, made exact).
int64_t count_parameters(const ModelOptions& options);

// User error, naming the nearest sizes that do, if the model cannot be cut for so many ranks.
void check_tensor_parallel(const ModelOptions& options, int64_t size);

// An empty cache for `batch` sequences of up to `capacity` positions.
KeyValueCache make_key_value_cache(const ModelOptions& options, MemoryPool& pool, DType dtype, int64_t batch,
                                   int64_t capacity);

}  // namespace kumiko
