// Runs of some steps through a pipeline, each with a barrier at its end and again without one: what must have the same
// bits.
#pragma once

#include "kumiko/model/canonical.h"
#include "kumiko/train/validated_step.h"
#include "train/layout_runs.h"

namespace kumiko::layouts {

// What an update depends on.
struct UpdateRules {
  double clip_grad = 0;
  LossScale loss_scale = LossScale::constant(1);
  BadValues on_bad_values = BadValues::stop;
};

// A training on this rank's part of a mesh, step by step.
class PipedTraining {
 public:
  PipedTraining(const ModelOptions& model, const Layout& layout, const Numbers& numbers, const UpdateRules& rules,
                bool reproducible = false)
      : layout_(layout), mesh_(layout.mesh()), kernels_(numbers.kernels()) {
    World& world = test::world();
    const Sharding sharding = Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data,
                                           mesh_.coordinate(world.rank(), Axis::data));
    data_ = connect_data_axis(world, mesh_, sharding);
    if (layout.tensor > 1) tensor_ = world.communicator(Axis::tensor, mesh_.group(world.rank(), Axis::tensor));
    pipeline_ = test::join_pipeline(model, layout.pipeline, mesh_, layout.num_micro_batches());
    settings_.optimizer.lr = 1e-2;
    settings_.optimizer.lr_warmup_iters = 6;
    settings_.optimizer.lr_decay_iters = num_steps;
    settings_.optimizer.clip_grad = rules.clip_grad;
    settings_.on_bad_values = rules.on_bad_values;
    TensorParallel part{mesh_.size(Axis::tensor), mesh_.coordinate(world.rank(), Axis::tensor),
                        layout.exchange.sequence_parallel};
    if (reproducible) part.canonical_blocks = canonical_blocks(model);
    state_.emplace(make_training_state(model, settings_.optimizer, 7, *kernels_, test::pool(), numbers.weights(), part,
                                       sharding, pipeline_->part));
    state_->loss_scale = rules.loss_scale;
    context_.dtype = numbers.activations;
    context_.seed = 11;
    context_.recompute.granularity = layout.recompute;
    context_.tensor = tensor_.get();
    context_.exchange = layout.exchange;
    context_.pipeline = pipeline_.get();
    context_.reproducible = reproducible;
    const int64_t parts = pipeline_->schedule.parts_per_micro_batch;
    batches_ = {layout.micro_batch_size / parts, global_batch_size, mesh_.size(Axis::data),
                mesh_.coordinate(world.rank(), Axis::data), model.max_position_embeddings};
    settings_.tokens_per_step = batches_.tokens_per_step();
  }

  // From here on steps are validated later.
  void validate_later() { validated_.emplace(test::world(), mesh_, *pipeline_, *state_, test::pool()); }

  // Results come into steps() once they are known.
  void step(bool stop_requested = false) {
    const auto micro_batches = samples(state_->step);
    if (!validated_) {
      steps_.push_back(training_step(*state_, context_, micro_batches, data_.axis(), settings_, stop_requested));
    } else if (const auto before =
                   validated_->take(*state_, context_, micro_batches, data_.axis(), settings_, stop_requested)) {
      steps_.push_back(*before);
    }
  }
  void settle() {
    if (!validated_) return;
    if (const auto result = validated_->settle(*state_, context_, data_.axis(), settings_)) steps_.push_back(*result);
  }
  double evaluated() { return evaluate(*state_, context_, samples(0), data_.axis()); }

  const std::vector<StepResult>& steps() const { return steps_; }
  TrainingState& state() { return *state_; }
  DataCommunicators& data() { return data_; }
  int64_t num_corrected() const { return validated_->num_corrected(); }
  // Weights and what the optimizer keeps, of this rank's shards.
  std::vector<double> values() const {
    std::vector<double> all;
    const auto add = [&](const Tensor& tensor) {
      const std::vector<double> values = values_of(tensor);
      all.insert(all.end(), values.begin(), values.end());
    };
    for (const OwnedFragment& owned : state_->storage->owned()) add(owned.weight);
    for (const OptimizerState& state : state_->optimizer->state()) add(state.tensor);
    return all;
  }

 private:
  std::vector<MicroBatch> samples(int64_t step) const {
    return load_micro_batches(Samples(), batches_, step, {}, test::pool());
  }

  Layout layout_;
  Mesh mesh_;
  std::unique_ptr<Kernels> kernels_;
  DataCommunicators data_;
  std::unique_ptr<Communicator> tensor_;
  std::unique_ptr<Pipeline> pipeline_;
  StepSettings settings_;
  std::optional<TrainingState> state_;
  StepContext context_{*kernels_, test::pool()};
  BatchLayout batches_;
  std::optional<ValidatedSteps> validated_;
  std::vector<StepResult> steps_;
};

}  // namespace kumiko::layouts
