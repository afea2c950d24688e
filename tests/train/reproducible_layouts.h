// Training in the reproducible mode, in a table of layouts: it gives the bits of one rank, of each loss, each gradient
// norm and, after twenty steps, each weight.
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "kumiko/comm/self.h"
#include "kumiko/model/canonical.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/step.h"
#include "support/pipeline_place.h"
#include "support/world.h"

namespace kumiko::reproducible {

struct Case {
  const char* name;
  ModelOptions model;
  bool reference = false;  // the reference's kernels; else the fast ones on one thread
};

inline ModelOptions tiny_gpt() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 24;
  options.num_attention_heads = 8;
  options.vocab_size = 37;  // no multiple of anything
  options.max_position_embeddings = 8;
  options.init_method_std = 0.3;
  return options;
}

inline ModelOptions tiny_llama(int64_t num_query_groups) {
  ModelOptions options = tiny_gpt();
  options.architecture = Architecture::llama;
  options.num_query_groups = num_query_groups;
  options.kv_channels = 4;
  options.ffn_hidden_size = 27;
  return options;
}

template <class Change>
ModelOptions with(ModelOptions options, Change change) {
  change(options);
  return options;
}

inline void untie_and_drop(ModelOptions& options) {
  options.untie_embeddings_and_output_weights = true;
  options.ffn_hidden_size = 29;
  options.hidden_dropout = 0.1;
  options.attention_dropout = 0.2;
}

inline void add_bias_and_window(ModelOptions& options) {
  options.add_qkv_bias = true;
  options.window_size = 3;
  options.hidden_dropout = 0.1;
}

inline const Case cases[] = {
    {"GptTied", tiny_gpt()},
    {"GptUntiedDropout", with(tiny_gpt(), untie_and_drop)},
    {"Llama", tiny_llama(8)},
    {"LlamaTwoKeys", tiny_llama(2)},
    {"LlamaOneKeyBiasWindow", with(tiny_llama(1), add_bias_and_window)},
    {"ReferenceGptUntiedDropout", with(tiny_gpt(), untie_and_drop), true},
    {"ReferenceLlamaOneKeyBiasWindow", with(tiny_llama(1), add_bias_and_window), true},
};

struct Layout {
  int64_t data;
  int64_t tensor;
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;
  TensorExchange exchange{};
  RecomputeGranularity recompute = RecomputeGranularity::none;
  const char* rank_order = "tensor-context-pipeline-data";
  PipelineOptions pipeline{};

  Mesh mesh() const { return Mesh({data, pipeline.size, 1, tensor}, parse_rank_order(rank_order)); }
};

inline Layout piped(int64_t size, const char* schedule, Layout layout) {
  layout.pipeline.size = size;
  layout.pipeline.schedule = schedule;
  return layout;
}

inline constexpr TensorExchange in_two_chunks{false, 2};
inline constexpr TensorExchange sequence{true, 1};
inline constexpr TensorExchange sequence_in_two_chunks{true, 2};

inline const Layout layouts[] = {
    {2, 1},
    {4, 1},
    {8, 1},
    {1, 2},
    {1, 4},
    {1, 8},
    {2, 2},
    {4, 2},
    {2, 4, 0, 0, {}, RecomputeGranularity::full},
    {2, 2, 0, 0, {}, RecomputeGranularity::none, "data-tensor-context-pipeline"},
    {2, 1, 1},
    {4, 1, 2},
    {8, 1, 3},
    {8, 1, 3, 2},
    {4, 2, 2, 2},
    {2, 4, 3, 0, {}, RecomputeGranularity::selective},
    {1, 2, 0, 0, in_two_chunks},
    {1, 2, 0, 0, sequence},
    {1, 8, 0, 0, sequence},
    {2, 4, 1, 0, sequence_in_two_chunks, RecomputeGranularity::selective},
    {4, 2, 3, 2, sequence, RecomputeGranularity::full},
    piped(2, "1f1b", {1, 1}),
    piped(4, "1f1b", {2, 1}),
    piped(2, "gpipe", {2, 2, 3, 0, sequence}),
    piped(2, "interleaved", {2, 1, 2}),
    piped(2, "interleaved", {1, 4, 0, 0, in_two_chunks, RecomputeGranularity::full}),
    piped(4, "zb-h1", {1, 2}),
    piped(2, "zb-h2", {4, 1, 3, 2}),
    piped(4, "zb-2p", {2, 1, 2, 0, {}, RecomputeGranularity::selective}),
    piped(2, "chimera", {1, 1}),
    piped(4, "chimera", {2, 1, 1}),
    piped(4, "chimera", {1, 2}),
    piped(2, "chimera-doubling", {2, 2, 3}),
    piped(2, "zb-v", {2, 1, 1}),
    piped(2, "v-half", {1, 2}),
};

inline constexpr int64_t num_steps = 20;
inline constexpr int64_t micro_batch_size = 2;
inline constexpr int64_t global_batch_size = 16;

class Samples final : public SampleSource {
 public:
  int64_t num_samples() const override { return num_steps * global_batch_size; }
  void sample(int64_t index, std::span<int32_t> tokens) const override {
    const PhiloxKey key = random_key(3, RandomStream::test, static_cast<uint64_t>(index));
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>(random_bits(key, i) % 37);
  }
};

struct Trained {
  std::vector<StepResult> steps;
  TrainingState state;
};

inline Trained train(const Case& tested, const Layout& layout, const Mesh& mesh, int64_t rank, const DataAxis& data,
                     const Sharding& sharding, Communicator* tensor, const std::unique_ptr<Pipeline>& pipeline,
                     bool reproducible = true) {
  MemoryPool& pool = test::pool();
  const auto kernels = tested.reference ? make_reference_kernels()
                                        : make_cpu_kernels(MemoryPool::create(), 1, DType::f32, LinearBackend::native);
  OptimizerOptions optimizer;
  optimizer.lr = 1e-2;
  optimizer.lr_decay_style = DecayStyle::constant;
  optimizer.lr_decay_iters = num_steps;
  optimizer.clip_grad = 0.5;
  TensorParallel part{mesh.size(Axis::tensor), mesh.coordinate(rank, Axis::tensor), layout.exchange.sequence_parallel};
  if (reproducible) part.canonical_blocks = canonical_blocks(tested.model);
  Trained trained{{},
                  make_training_state(tested.model, optimizer, 7, *kernels, pool, DType::f32, part, sharding,
                                      test::part_of(pipeline))};
  StepContext context{*kernels, pool};
  context.seed = 11;
  context.recompute.granularity = layout.recompute;
  context.tensor = tensor;
  context.pipeline = pipeline.get();
  context.exchange = layout.exchange;
  context.reproducible = reproducible;
  const BatchLayout batches{micro_batch_size, global_batch_size, mesh.size(Axis::data),
                            mesh.coordinate(rank, Axis::data), tested.model.max_position_embeddings};
  for (int64_t step = 0; step < num_steps; ++step) {
    const auto micro_batches = load_micro_batches(Samples(), batches, step, {}, pool);
    trained.steps.push_back(training_step(trained.state, context, micro_batches, data,
                                          {optimizer, BadValues::stop, batches.tokens_per_step()}, false));
  }
  return trained;
}

inline Trained train_on_one_rank(const Case& tested) {
  const auto self = connect_self_world();
  const int64_t everyone[] = {0};
  const auto data = self->communicator(Axis::data, everyone);
  return train(tested, {1, 1}, Mesh({1, 1, 1, 1}), 0, *data, {}, nullptr, nullptr);
}

// The layout's training on the ranks of the test, this one among them.
inline Trained train_in(const Case& tested, const Layout& layout, const Mesh& mesh, bool reproducible = true) {
  World& world = test::world();
  const int64_t rank = world.rank();
  const Sharding sharding =
      Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data, mesh.coordinate(rank, Axis::data));
  const DataCommunicators data = connect_data_axis(world, mesh, sharding);
  const auto tensor = layout.tensor == 1 ? nullptr : world.communicator(Axis::tensor, mesh.group(rank, Axis::tensor));
  const auto pipeline =
      test::join_pipeline(tested.model, layout.pipeline, mesh, global_batch_size / (micro_batch_size * layout.data));
  return train(tested, layout, mesh, rank, data.axis(), sharding, tensor.get(), pipeline, reproducible);
}

// Elements of this rank's weights, by logical tensor and place in it, that have other bits than `whole` has.
inline int64_t count_other_bits(const TrainingState& held, const TrainingState& whole, std::string& first) {
  int64_t count = 0;
  const ParameterRegistry& parameters = held.storage->parameters();
  for (const OwnedFragment& owned : held.storage->owned()) {
    for (const PartRun& run : part_runs(parameters, owned.fragment)) {
      const ParameterPart& part = *run.part;
      for (const auto& parameter : whole.storage->parameters().all()) {
        for (const ParameterPart& expected : parameter->parts) {
          if (expected.name != part.name) continue;
          const bool matrix = part.box.size.rank() == 2;
          const int64_t width = matrix ? part.box.size[1] : 1;
          const int64_t whole_width = matrix ? part.global_shape[1] : 1;
          for (int64_t i = 0; i < run.count; ++i) {
            const int64_t row = part.box.offset[0] + (run.begin + i) / width;
            const int64_t column = matrix ? part.box.offset[1] + (run.begin + i) % width : 0;
            const float* mine = owned.weight.data<float>() + run.in_fragment + i;
            const float* theirs = parameter->value.data<float>() + (expected.first_row + row) * whole_width + column;
            // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): bits are what is meant.
            if (std::memcmp(mine, theirs, sizeof(float)) == 0) continue;
            if (count++ == 0) first = part.name;
          }
        }
      }
    }
  }
  return count;
}

// In the layouts of the table with this index modulo `stride`.
inline void expect_bits_of_one_rank(const Case& tested, size_t stride, size_t remainder) {
  const Trained expected = train_on_one_rank(tested);
  ASSERT_LT(expected.steps.back().loss, expected.steps.front().loss);
  for (size_t i = remainder; i < std::size(layouts); i += stride) {
    const Layout& layout = layouts[i];
    const Mesh mesh = layout.mesh();
    if (test::world().rank() >= mesh.size()) continue;
    SCOPED_TRACE(fmt::format("{}, {}, ZeRO stage {}, {}", mesh.to_string(), layout.pipeline.schedule, layout.zero_stage,
                             layout.exchange.sequence_parallel ? "sequence parallel" : "not sequence parallel"));
    const Trained trained = train_in(tested, layout, mesh);
    for (size_t step = 0; step < trained.steps.size(); ++step) {
      ASSERT_EQ(trained.steps[step].loss, expected.steps[step].loss) << "step " << step;
      ASSERT_EQ(trained.steps[step].gradient_norm, expected.steps[step].gradient_norm) << "step " << step;
    }
    std::string first;
    EXPECT_EQ(count_other_bits(trained.state, expected.state, first), 0) << first;
  }
}

}  // namespace kumiko::reproducible
