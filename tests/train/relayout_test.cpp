// Training continued from a checkpoint in another layout has the losses of a run that was never interrupted. In double,
// so that what differs is the order of sums.
#include <gtest/gtest.h>

#include <numeric>

#include "checkpoint/directories.h"
#include "kumiko/checkpoint/background_writer.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/exchange.h"
#include "kumiko/comm/self.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/state_checkpoint.h"
#include "kumiko/train/step.h"
#include "support/pipeline_place.h"
#include "support/world.h"

namespace kumiko {
namespace {

constexpr int64_t steps_a_layout = 3;
constexpr int64_t global_batch_size = 8;

struct Layout {
  int64_t data;
  int64_t tensor;
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;
  PipelineOptions pipeline{};

  int64_t num_micro_batches() const { return global_batch_size / data; }
};

// Each goes on from the checkpoint of the one before.
const Layout layouts[] = {{1, 1},
                          {2, 4},
                          {1, 8},
                          {2, 1, 3, 0, {4, "1f1b"}},
                          {4, 2},
                          {2, 1, 3},
                          {1, 2, 0, 0, {4, "chimera"}},
                          {1, 4},
                          {4, 2, 3},
                          {2, 2, 1, 0, {2, "interleaved"}},
                          {8, 1, 1},
                          {2, 2, 3},
                          {8, 1, 3, 4},
                          {2, 1, 3, 0, {2, "chimera"}},
                          {1, 2},
                          {4, 1, 2},
                          {4, 1, 2, 2, {2, "zb-h1"}},
                          {2, 4, 1},
                          {1, 1}};
const int64_t num_steps = steps_a_layout * static_cast<int64_t>(std::size(layouts));

ModelOptions tiny_gpt() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 16;
  options.num_attention_heads = 8;
  options.vocab_size = 37;
  options.ffn_hidden_size = 27;
  options.max_position_embeddings = 6;
  options.init_method_std = 0.3;
  options.hidden_dropout = 0.1;
  return options;
}

ModelOptions tiny_llama() {
  ModelOptions options = tiny_gpt();
  options.architecture = Architecture::llama;
  options.num_query_groups = 2;  // fewer than ranks
  options.kv_channels = 4;
  return options;
}

class Samples final : public SampleSource {
 public:
  int64_t num_samples() const override { return num_steps * global_batch_size; }
  void sample(int64_t index, std::span<int32_t> tokens) const override {
    const PhiloxKey key = random_key(3, RandomStream::test, static_cast<uint64_t>(index));
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(random_bits(key, i) % 37);
  }
};

// One rank's training, in one layout.
class Trainer {
 public:
  Trainer(const ModelOptions& model, const Mesh& mesh, int64_t rank, const Sharding& sharding, const DataAxis& data,
          Communicator* tensor, const std::unique_ptr<Pipeline>& pipeline)
      : model_(model), data_(data), tensor_(tensor), pipeline_(pipeline.get()), kernels_(make_reference_kernels()) {
    optimizer_.lr = 1e-2;
    optimizer_.lr_decay_style = DecayStyle::constant;
    optimizer_.lr_decay_iters = num_steps;
    optimizer_.clip_grad = 0.5;
    const TensorParallel part{mesh.size(Axis::tensor), mesh.coordinate(rank, Axis::tensor)};
    state_ = std::make_unique<TrainingState>(make_training_state(model, optimizer_, 7, *kernels_, test::pool(),
                                                                 DType::f64, part, sharding, test::part_of(pipeline)));
    LossScaleOptions scale;
    scale.initial_loss_scale = 16;
    scale.loss_scale_window = 4;  // it grows in the middle of a layout's steps
    state_->loss_scale = LossScale::dynamic(scale);
    batches_ = {1, global_batch_size, mesh.size(Axis::data), mesh.coordinate(rank, Axis::data),
                model.max_position_embeddings};
  }

  TrainingState& state() { return *state_; }

  std::vector<StepResult> run(int64_t steps) {
    std::vector<StepResult> results;
    StepContext context{*kernels_, test::pool()};
    context.dtype = DType::f64;
    context.seed = 11;
    context.tensor = tensor_;
    context.pipeline = pipeline_;
    for (int64_t i = 0; i < steps; ++i) {
      const auto micro_batches = load_micro_batches(Samples(), batches_, state_->step, {}, test::pool());
      results.push_back(training_step(*state_, context, micro_batches, data_,
                                      {optimizer_, BadValues::stop, batches_.tokens_per_step()}, false));
    }
    return results;
  }

  std::string record() const {
    RunRecord record;
    record.step = state_->step;
    record.updates = state_->updates;
    record.loss_scale = state_->loss_scale.state();
    return to_json(record);
  }

  void load(CheckpointReader& reader) {
    const RunRecord record = run_record_from_json(reader.manifest().state, "the test's checkpoint");
    load_pieces(reader, pieces_of(*state_));
    state_->step = record.step;
    state_->updates = record.updates;
    state_->loss_scale.restore(*record.loss_scale);
    weights_changed(*state_, *kernels_);
  }

 private:
  ModelOptions model_;
  DataAxis data_;
  Communicator* tensor_;
  const Pipeline* pipeline_;
  std::unique_ptr<Kernels> kernels_;
  OptimizerOptions optimizer_;
  std::unique_ptr<TrainingState> state_;
  BatchLayout batches_;
};

std::vector<StepResult> uninterrupted(const ModelOptions& model) {
  const auto self = connect_self_world();
  const int64_t everyone[] = {0};
  const auto data = self->communicator(Axis::data, everyone);
  return Trainer(model, Mesh({1, 1, 1, 1}), 0, {}, *data, nullptr, nullptr).run(num_steps);
}

class Relayout : public testing::TestWithParam<ModelOptions> {
 protected:
  Relayout() : everyone_(test::everyone()) {
    if (everyone_->rank() == 0) directory_ = std::make_unique<TestDirectory>("relayout");
    root_ = broadcast_text(*everyone_, directory_ ? directory_->path().string() : "", 0);
  }

  // Steps of one layout, by its ranks: from the newest checkpoint, if there is one, to the next.
  std::vector<StepResult> go_on(const Layout& layout, const Mesh& mesh) {
    World& world = test::world();
    const int64_t rank = world.rank();
    std::vector<int64_t> members(static_cast<size_t>(mesh.size()));
    std::iota(members.begin(), members.end(), 0);
    const auto savers = world.communicator(Axis::data, members);
    const Sharding sharding =
        Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data, mesh.coordinate(rank, Axis::data));
    const DataCommunicators data = connect_data_axis(world, mesh, sharding);
    const auto tensor =
        mesh.size(Axis::tensor) == 1 ? nullptr : world.communicator(Axis::tensor, mesh.group(rank, Axis::tensor));
    const auto pipeline = test::join_pipeline(GetParam(), layout.pipeline, mesh, layout.num_micro_batches());
    Trainer trainer(GetParam(), mesh, rank, sharding, data.axis(), tensor.get(), pipeline);
    if (read_latest(root_)) {
      CheckpointReader reader = CheckpointReader::open(root_);
      trainer.load(reader);
    }
    BackgroundWriter writer(*savers, {root_, 1, {512, 100}});
    writer.reserve(pieces_of(trainer.state(), Copies::first), test::pool());
    std::vector<StepResult> results = trainer.run(steps_a_layout - 1);
    // The last step goes on over a save that is to hold the step before it, and is taken again by the next layout.
    const auto result_of = [&] {
      const auto result = writer.wait();
      return result->error ? std::string(result->error->what()) : "";
    };
    writer.start(trainer.state().step, trainer.record(), pieces_of(trainer.state(), Copies::first));
    trainer.run(1);
    EXPECT_EQ(result_of(), "");
    CheckpointReader reader = CheckpointReader::open(root_);
    EXPECT_EQ(reader.step(), trainer.state().step - 1);
    trainer.load(reader);
    const std::vector<StepResult> last = trainer.run(1);
    results.insert(results.end(), last.begin(), last.end());
    writer.start(trainer.state().step, trainer.record(), pieces_of(trainer.state(), Copies::first),
                 BackgroundWriter::When::at_once);
    EXPECT_EQ(result_of(), "");
    return results;
  }

  std::unique_ptr<Communicator> everyone_;
  std::unique_ptr<TestDirectory> directory_;
  std::filesystem::path root_;
};

TEST_P(Relayout, ContinuesAsIfNothingHadHappened) {
  const std::vector<StepResult> expected = uninterrupted(GetParam());
  ASSERT_GT(expected.back().loss_scale, 16);
  size_t step = 0;
  for (const Layout& layout : layouts) {
    const Mesh mesh({layout.data, layout.pipeline.size, 1, layout.tensor});
    if (test::world().rank() < mesh.size()) {
      SCOPED_TRACE(fmt::format("{}, ZeRO stage {}", mesh.to_string(), layout.zero_stage));
      size_t next = step;
      for (const StepResult& result : go_on(layout, mesh)) {
        const StepResult& one = expected[next++];
        // Sums of some hundred terms, in double, through twenty steps of Adam, which divides by small numbers.
        ASSERT_NEAR(result.loss, one.loss, 1e-9 * one.loss) << "step " << next;
        ASSERT_NEAR(result.gradient_norm, one.gradient_norm, 1e-8 * one.gradient_norm) << "step " << next;
        ASSERT_EQ(result.loss_scale, one.loss_scale) << "step " << next;
      }
    }
    step += steps_a_layout;
    everyone_->barrier("test").wait();
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Relayout, testing::Values(tiny_gpt(), tiny_llama()), [](const auto& tested) {
  return std::string(tested.param.architecture == Architecture::gpt ? "GptTied" : "LlamaFewKeys");
});

}  // namespace
}  // namespace kumiko
