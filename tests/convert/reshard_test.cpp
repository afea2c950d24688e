// A checkpoint resharded is, byte for byte, the one that the ranks of the other layout write.
#include "kumiko/convert/reshard.h"

#include <gtest/gtest.h>

#include "checkpoint/directories.h"
#include "checkpoint/thread_ranks.h"
#include "kumiko/base/file.h"
#include "kumiko/checkpoint/directory.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/train/state_checkpoint.h"

namespace kumiko {
namespace {

// Nothing divides by anything.
ModelOptions tiny_gpt() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 16;
  options.num_attention_heads = 8;
  options.vocab_size = 37;
  options.ffn_hidden_size = 27;
  options.max_position_embeddings = 6;
  return options;
}

ModelOptions tiny_llama() {
  ModelOptions options = tiny_gpt();
  options.architecture = Architecture::llama;
  options.num_query_groups = 2;
  options.kv_channels = 4;
  options.add_qkv_bias = true;
  options.untie_embeddings_and_output_weights = true;
  return options;
}

struct Layout {
  int64_t tensor;
  int64_t data;
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;
  PipelineOptions pipeline{};
  std::string name() const {
    return fmt::format("tensor{}_data{}_zero{}_group{}_pipeline{}_{}", tensor, data, zero_stage, zero_group_size,
                       pipeline.size, pipeline.schedule);
  }
};

const Layout layouts[] = {{1, 1},
                          {2, 1},
                          {4, 1},
                          {8, 1},
                          {1, 2},
                          {2, 2},
                          {4, 2},
                          {8, 2},
                          {1, 5},
                          {1, 2, 1},
                          {4, 2, 1},
                          {2, 2, 2},
                          {1, 3, 3},
                          {4, 2, 3},
                          {8, 2, 3},
                          {1, 4, 3, 2},
                          {2, 4, 1, 2},
                          {1, 1, 0, 0, {2, "1f1b"}},
                          {2, 2, 3, 0, {4, "1f1b"}},
                          {1, 2, 1, 0, {2, "interleaved"}},
                          {2, 1, 0, 0, {4, "chimera"}}};

// Small, so that tensors are cut.
constexpr PlanOptions plan = {512, 100};
constexpr int64_t step = 7;

RunRecord record_of(const ModelOptions& model) {
  Config config;
  config.model = model;
  config.train.seq_length = model.max_position_embeddings;
  RunRecord record;
  record.step = step;
  record.updates = 6;
  record.consumed_samples = 56;
  record.config = config.to_toml();
  record.loss_scale = LossScaleState{1024, 3, 1};
  return record;
}

// Moments that are a function of the weight beside them: the same in every layout.
void fill_moments(const TrainingState& state) {
  for (const OptimizerState& memory : state.optimizer->state()) {
    const auto weights = state.storage->owned()[memory.index].weight.elements<float>();
    const auto moments = memory.tensor.elements<float>();
    const float factor = memory.name == "first_moment" ? 2.0F : 3.0F;
    for (size_t i = 0; i < moments.size(); ++i) moments[i] = factor * weights[i] + 1.0F;
  }
}

class Reshard : public testing::TestWithParam<ModelOptions> {
 protected:
  Reshard() {
    model_ = GetParam();
    model_.fill_in_sizes();
  }

  // As training on the ranks of `layout` saves.
  std::filesystem::path save(const Layout& layout) {
    const auto root = directory_ / layout.name();
    const Mesh mesh({layout.data, layout.pipeline.size, 1, layout.tensor});
    run_on_ranks(static_cast<int>(mesh.size()), [&](Communicator& ranks) {
      const auto pool = MemoryPool::create();
      const auto kernels = make_reference_kernels();
      const TensorParallel part{layout.tensor, mesh.coordinate(ranks.rank(), Axis::tensor)};
      const Sharding sharding = Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data,
                                             mesh.coordinate(ranks.rank(), Axis::data));
      const PipelinePart stages = layout.pipeline.size == 1
                                      ? PipelinePart{}
                                      : plan_pipeline(model_, model_.max_position_embeddings, layout.pipeline, 8)
                                            .part(mesh.coordinate(ranks.rank(), Axis::pipeline));
      const TrainingState state =
          make_training_state(model_, {}, 7, *kernels, *pool, DType::f32, part, sharding, stages);
      fill_moments(state);
      CheckpointWriter writer(ranks, {root, 0, plan});
      writer.save(step, to_json(record_of(model_)), pieces_of(state, Copies::first));
    });
    return root;
  }

  ReshardOptions options(const std::filesystem::path& from, const Layout& to) const {
    ReshardOptions options;
    options.load = from;
    options.save = directory_ / "resharded";
    options.tensor_model_parallel_size = to.tensor;
    options.data_parallel_size = to.data;
    options.pipeline = to.pipeline;
    options.zero_stage = to.zero_stage;
    options.zero_group_size = to.zero_group_size;
    options.plan = plan;
    return options;
  }

  TestDirectory directory_{"reshard"};
  ModelOptions model_;
};

std::map<std::string, std::string> files_in(const std::filesystem::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) files[entry.path().lexically_relative(root)] = read_text_file(entry.path());
  }
  return files;
}

TEST_P(Reshard, FromAnyLayoutToAnyOtherWritesWhatItsRanksWould) {
  std::vector<std::map<std::string, std::string>> direct;
  for (const Layout& layout : layouts) direct.push_back(files_in(save(layout)));
  for (size_t first = 0; first < std::size(layouts); ++first) {
    const Layout& from = layouts[first];
    // From one rank to all; from each other to every third.
    for (size_t to = first % 3; to < std::size(layouts); to += first == 0 ? 1 : 3) {
      const auto written = options(directory_ / from.name(), layouts[to]);
      const ConversionReport report = reshard(written);
      EXPECT_EQ(files_in(written.save), direct[to]) << from.name() << " to " << layouts[to].name();
      EXPECT_EQ(report.path, written.save / checkpoint_name(step));
      std::filesystem::remove_all(written.save);
      if (HasFailure()) return;
    }
  }
}

TEST_P(Reshard, OneRankHasOneFileAndShapesAreTheTrueOnes) {
  const auto written = options(save({8, 2}), {1, 1});
  reshard(written);
  const Manifest manifest = CheckpointReader::open(written.save).manifest();
  EXPECT_EQ(manifest.files.size(), 1u);
  EXPECT_EQ(CheckpointReader::open(written.load).manifest().files.size(), 16u);
  const Model model(model_);
  for (const auto& parameter : model.parameters().all()) {
    for (const ParameterPart& part : parameter->parts) {
      EXPECT_EQ(manifest.tensors.at(part.name).shape, part.global_shape);
      EXPECT_EQ(manifest.tensors.at("optimizer.second_moment." + part.name).shape, part.global_shape);
    }
  }
  EXPECT_EQ(manifest.tensors.at("embedding.token").shape, (Shape{37, 16}));
}

INSTANTIATE_TEST_SUITE_P(Models, Reshard, testing::Values(tiny_gpt(), tiny_llama()), [](const auto& tested) {
  return std::string(tested.param.architecture == Architecture::gpt ? "GptTied" : "LlamaFewKeys");
});

using ReshardOf = Reshard;
INSTANTIATE_TEST_SUITE_P(One, ReshardOf, testing::Values(tiny_gpt()));

TEST_P(ReshardOf, KeepsWhatStandsBesideTheCheckpoint) {
  const auto root = save({1, 1});
  for (const char* name : {"tokenizer_config.json", "generation_config.json", "model.toml"}) {
    write_text(root / name, name);
  }
  const auto written = options(root, {2, 1});
  reshard(written);
  for (const char* name : {"tokenizer_config.json", "generation_config.json", "model.toml"}) {
    EXPECT_EQ(read_text_file(written.save / name), name);
  }
}

TEST_P(ReshardOf, RefusesBeforeItWrites) {
  const auto root = save({2, 1});
  const auto refusal = [&](const ReshardOptions& asked) { return message_of([&] { reshard(asked); }); };
  EXPECT_EQ(refusal(options(root, {0, 1})), "parallel.tensor_model_parallel_size = 0: expected 1 or more");
  EXPECT_EQ(refusal(options(root, {1, 2, 4})), "parallel.zero_stage = 4: expected 0, 1, 2 or 3");
  EXPECT_EQ(
      refusal(options(root, {1, 4, 1, 3})),
      "parallel.zero_group_size = 3 does not divide the data-parallel size 4; the nearest sizes that do are 2 and "
      "4");
  EXPECT_NE(refusal(options(root, {3, 1})).find("tensor_model_parallel_size = 3"), std::string::npos)
      << refusal(options(root, {3, 1}));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "resharded"));
  auto onto_itself = options(root, {1, 1});
  onto_itself.save = root;
  EXPECT_EQ(refusal(onto_itself),
            root.string() + " is there already, and not empty: name a directory to be made for the checkpoint");
  auto nowhere = options(directory_ / "nothing", {1, 1});
  EXPECT_NE(refusal(nowhere).find("is not a directory"), std::string::npos);
}

// One byte of the last file is not what was written: found, named, and nothing stays.
TEST_P(ReshardOf, FindsDamageAndLeavesNothing) {
  const auto root = save({2, 1});
  const auto path = root / checkpoint_name(step) / data_file_name(1, 2);
  std::string bytes = read_text_file(path);
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  write_text(path, bytes);
  const auto written = options(root, {1, 1});
  const std::string message = message_of([&] { reshard(written); });
  EXPECT_NE(message.find(path.string() + " is damaged: tensor '"), std::string::npos) << message;
  EXPECT_FALSE(std::filesystem::exists(written.save));
}

// Of another program: its tensors are no parts of the model.
TEST_P(ReshardOf, RefusesATensorThatNoLayoutHas) {
  const auto root = directory_ / "strange";
  run_on_ranks(1, [&](Communicator& ranks) {
    const auto pool = MemoryPool::create();
    const auto kernels = make_reference_kernels();
    const TrainingState state = make_training_state(model_, {}, 7, *kernels, *pool);
    std::vector<SavedPiece> pieces = pieces_of(state);
    pieces.push_back(pieces.front());
    pieces.back().name = "momentum";
    CheckpointWriter(ranks, {root, 0, plan}).save(step, to_json(record_of(model_)), pieces);
  });
  EXPECT_NE(message_of([&] { reshard(options(root, {1, 1})); }).find("holds the tensor 'momentum'"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
