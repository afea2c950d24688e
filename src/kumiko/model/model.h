// A model, or this rank's stages of it: ordered lists of units over one registry of parameters.
#pragma once

#include <memory>
#include <vector>

#include "kumiko/model/embedding.h"
#include "kumiko/model/head.h"
#include "kumiko/model/options.h"
#include "kumiko/model/parameter.h"
#include "kumiko/model/pipeline_part.h"
#include "kumiko/model/unit.h"

namespace kumiko {

struct Composition;  // model/architecture.h

class Model {
 public:
  // Embedding, blocks, head, of the architecture that the options name, or this rank's part of them. `options` must be
  // valid, for the tensor axis too (check_tensor_parallel). Parameters have no memory yet. A head that shares the
  // embedding's table has a copy of its own where the embedding is not on this rank; and always where sums are
  // reproducible, as the gradients of the two are then summed by themselves in every layout.
  explicit Model(const ModelOptions& options, TensorParallel tensor_parallel = {}, const PipelinePart& pipeline = {});

  const ModelOptions& options() const { return options_; }
  ParameterRegistry& parameters() { return *parameters_; }
  const ParameterRegistry& parameters() const { return *parameters_; }
  // Of this rank, in the order of the whole model.
  const std::vector<std::unique_ptr<Unit>>& units() const { return units_; }
  const std::vector<ModelStage>& stages() const { return stages_; }
  // Internal error if this rank does not have it.
  const ModelStage& stage(int stage) const;
  bool has_embedding() const { return embedding_ != nullptr; }
  bool has_head() const { return head_ != nullptr; }

  // Call after the weights have changed.
  void prepare(Kernels& kernels);

  // One micro-batch through the units of a stage: x from the stage before (none for the first) to what the next takes
  // (none after the last, which adds to pass.loss_sum). A pass goes through one stage.
  Tensor forward_stage(Pass& pass, const ModelStage& stage, Tensor x);
  // The backward of that, last unit first, recomputing what was not kept: from the gradient of the stage's result (none
  // for the last) to that of its input (none for the first). Gradients of weights are complete after each unit's visit,
  // or when the pass's weight work has been done.
  Tensor backward_stage(Pass& pass, const ModelStage& stage, Tensor gradient);
  // What waits of the pass's weight work.
  void weight_gradients(Pass& pass);
  // The same for a rank that has the whole model in one stage.
  void forward(Pass& pass) { forward_stage(pass, stages_.at(0), {}); }
  void backward(Pass& pass) { backward_stage(pass, stages_.at(0), {}); }

  // The visits of one micro-batch to a stage, in order; `direction`: backward, or input_gradient.
  std::vector<UnitVisit> forward_visits(const ModelStage& stage) const;
  std::vector<UnitVisit> backward_visits(const ModelStage& stage, const RecomputeOptions& recompute,
                                         Direction direction) const;
  std::vector<UnitVisit> weight_visits(const ModelStage& stage) const;
  // Of one micro-batch to a rank with the whole model: a forward alone, or a forward and its backward.
  std::vector<UnitVisit> forward_visits() const { return forward_visits(stages_.at(0)); }
  std::vector<UnitVisit> training_visits(const RecomputeOptions& recompute) const;

  // Parameters come in units of their own (ParameterRegistry): those whose weights a visit reads, those whose gradients
  // it adds to, and those whose gradients of a micro-batch are complete after it. A table that head and embedding share
  // on this rank is complete after the embedding's visit.
  std::vector<int> weights_read(const UnitVisit& visit) const;
  std::vector<int> gradients_added(const UnitVisit& visit) const;
  std::vector<int> gradients_completed(const UnitVisit& visit) const;
  // Whether a visit reads weights as Unit::prepare lays them out.
  bool reads_prepared(const UnitVisit& visit) const;
  // The units of parameters that hold the token table for the embedding and for the head; -1 where there is none. The
  // same one if they share it here.
  int embedding_table_unit() const { return has_embedding() ? 0 : -1; }
  int head_table_unit() const { return head_table_unit_; }

  // Logits [T, V] of all positions: for evaluation of few tokens, and tests.
  Tensor logits(Pass& pass);
  // The one stage that this rank has, in generation: x from the stage before (none for the first) to what the next
  // takes, or after the last to logits [B, V] of the last position of each sequence. The pass's cache grows by its
  // tokens.
  Tensor generate_step(Pass& pass, Tensor x = {});

 private:
  void add_unit(int64_t unit, const Composition& composition, const PipelinePart& pipeline);
  void add_head(const Composition& composition);
  bool is_embedding(int unit) const { return has_embedding() && unit == 0; }
  bool is_head(int unit) const { return has_head() && unit == static_cast<int>(units_.size()) - 1; }
  bool shares_table() const { return !options_.untie_embeddings_and_output_weights; }
  bool copies_table() const { return shares_table() && parameters_->tensor_parallel().reproducible(); }
  // The blocks of a stage as spans of units.
  std::vector<BlockSpan> spans_of(const ModelStage& stage, const RecomputeOptions& recompute) const;
  Tensor forward_units(Pass& pass, int64_t begin, int64_t end, Tensor x);
  // Embedding and blocks of a stage; applies the window first.
  Tensor forward_blocks(Pass& pass, const ModelStage& stage, Tensor x);
  // Narrows what each token of the pass attends to, to the model's window.
  void apply_window(Pass& pass) const;

  ModelOptions options_;
  std::unique_ptr<ParameterRegistry> parameters_;
  std::vector<std::unique_ptr<Unit>> units_;
  std::vector<ModelStage> stages_;
  std::vector<std::vector<int>> parameter_units_;  // of each unit
  Embedding* embedding_ = nullptr;
  Head* head_ = nullptr;
  int head_table_unit_ = -1;
};

// The parameters of a model of this shape. Of GPT with F = 4 H and a tied head: 12 L H^2 (1 + 13/(12 H)) + (V + P) H +
// 2 H (Narayanan et al. 2021, equation 2, made exact).
int64_t count_parameters(const ModelOptions& options);

}  // namespace kumiko
