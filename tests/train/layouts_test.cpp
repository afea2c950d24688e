// Any layout gives the losses and gradients of one rank (docs/architecture.md, "numerical promises"): a table of
// layouts on up to eight ranks. Everything is in double, so that what differs is the order of sums and nothing else.
#include <gtest/gtest.h>

#include <cmath>

#include "kumiko/comm/self.h"
#include "kumiko/mesh/box_run.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/step.h"
#include "support/world.h"

namespace kumiko {
namespace {

struct ModelCase {
  const char* name;
  ModelOptions options;
};

ModelOptions tiny_gpt() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 16;
  options.num_attention_heads = 8;
  options.vocab_size = 37;  // no multiple of anything
  options.max_position_embeddings = 6;
  options.init_method_std = 0.3;
  return options;
}

ModelOptions tiny_llama(int64_t num_query_groups) {
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

void add_dropout(ModelOptions& options) {
  options.hidden_dropout = 0.1;
  options.attention_dropout = 0.2;
}

const ModelCase models[] = {
    {"GptTied", tiny_gpt()},
    {"GptUntiedDropout", with(tiny_gpt(),
                              [](ModelOptions& options) {
                                options.untie_embeddings_and_output_weights = true;
                                options.ffn_hidden_size = 29;
                                add_dropout(options);
                              })},
    {"Llama", tiny_llama(8)},
    {"LlamaFewKeys", with(tiny_llama(2), [](ModelOptions& options) { options.add_qkv_bias = true; })},
    {"LlamaOneKeyDropoutWindow", with(tiny_llama(1),
                                      [](ModelOptions& options) {
                                        options.window_size = 3;
                                        add_dropout(options);
                                      })},
};

struct Layout {
  int64_t data;
  int64_t tensor;
  int64_t micro_batch_size;
  RecomputeGranularity recompute = RecomputeGranularity::none;
  const char* rank_order = "tensor-context-pipeline-data";
  int64_t zero_stage = 0;
  int64_t zero_group_size = 0;
  TensorExchange exchange{};
};

Layout zero(int64_t stage, Layout layout, int64_t group_size = 0) {
  layout.zero_stage = stage;
  layout.zero_group_size = group_size;
  return layout;
}

// Under sequence parallelism, and in chunks; `recompute` beside it.
Layout sharded(int64_t data, int64_t tensor, int64_t micro_batch_size, int64_t num_chunks,
               RecomputeGranularity recompute = RecomputeGranularity::none) {
  return {data, tensor, micro_batch_size, recompute, "tensor-context-pipeline-data", 0, 0, {true, num_chunks}};
}
Layout in_chunks(int64_t data, int64_t tensor, int64_t micro_batch_size, int64_t num_chunks) {
  Layout layout = sharded(data, tensor, micro_batch_size, num_chunks);
  layout.exchange.sequence_parallel = false;
  return layout;
}

const Layout layouts[] = {
    {2, 1, 2},
    {4, 1, 1},
    {8, 1, 1},
    {1, 2, 8},
    {1, 2, 1, RecomputeGranularity::full},
    {1, 4, 4},
    {1, 8, 8},
    {2, 2, 2, RecomputeGranularity::selective},
    {4, 2, 1},
    {2, 4, 4},
    {2, 2, 1, RecomputeGranularity::none, "data-tensor-context-pipeline"},
    zero(1, {2, 1, 1}),
    zero(2, {2, 1, 4}),
    zero(3, {2, 1, 1}),
    zero(1, {4, 2, 1}),
    zero(2, {4, 1, 1, RecomputeGranularity::full}, 2),
    zero(3, {8, 1, 1}),
    zero(3, {8, 1, 1}, 4),
    zero(2, {2, 4, 2}),
    zero(3, {4, 2, 1, RecomputeGranularity::full}, 2),
    zero(3, {2, 2, 1, RecomputeGranularity::selective, "data-tensor-context-pipeline"}),
    in_chunks(1, 2, 8, 4),
    in_chunks(2, 2, 4, 2),
    sharded(1, 2, 8, 1),
    sharded(1, 2, 8, 4),
    sharded(1, 2, 1, 1, RecomputeGranularity::full),
    sharded(1, 4, 4, 3, RecomputeGranularity::selective),
    sharded(1, 8, 8, 6),
    sharded(2, 2, 2, 1, RecomputeGranularity::full),
    sharded(2, 4, 4, 2),
    sharded(4, 2, 1, 1),
    zero(2, sharded(2, 2, 1, 2)),
    zero(3, sharded(2, 4, 2, 1, RecomputeGranularity::full)),
};

constexpr int64_t num_steps = 20;
constexpr int64_t global_batch_size = 8;

// Tokens that nothing repeats.
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
  // Of the first step: the gradient of every box that this rank holds, by the name of its tensor.
  struct Gradient {
    ParameterPart part;
    std::vector<double> values;
  };
  std::vector<Gradient> gradients;
};

void add_gradients(Trained& trained, const ParameterRegistry& parameters, const OwnedFragment& owned) {
  for (const PartRun& run : part_runs(parameters, owned.fragment)) {
    int64_t begin = run.in_fragment;
    for (const Box& box : boxes_of_run(run.part->box, run.begin, run.count)) {
      const auto values = owned.gradient.slice(begin, box.num_elements()).elements<double>();
      trained.gradients.push_back({*run.part, {values.begin(), values.end()}});
      trained.gradients.back().part.box = box;
      begin += box.num_elements();
    }
  }
}

Trained run(const ModelOptions& model, const Layout& layout, const Mesh& mesh, int64_t rank, const DataAxis& data,
            const Sharding& sharding, Communicator* tensor) {
  const auto kernels = make_reference_kernels();
  MemoryPool& pool = test::pool();
  OptimizerOptions optimizer;
  optimizer.lr = 1e-2;
  optimizer.lr_decay_style = DecayStyle::constant;
  optimizer.lr_decay_iters = num_steps;
  optimizer.clip_grad = 0.5;
  const TensorParallel part{mesh.size(Axis::tensor), mesh.coordinate(rank, Axis::tensor),
                            layout.exchange.sequence_parallel};
  TrainingState state = make_training_state(model, optimizer, 7, *kernels, pool, DType::f64, part, sharding);
  StepContext context{*kernels, pool};
  context.dtype = DType::f64;
  context.seed = 11;
  context.recompute.granularity = layout.recompute;
  context.tensor = tensor;
  context.exchange = layout.exchange;
  const BatchLayout batches{layout.micro_batch_size, global_batch_size, mesh.size(Axis::data),
                            mesh.coordinate(rank, Axis::data), model.max_position_embeddings};
  Trained trained;
  for (int64_t step = 0; step < num_steps; ++step) {
    const auto micro_batches = load_micro_batches(Samples(), batches, step, {}, pool);
    trained.steps.push_back(training_step(state, context, micro_batches, data,
                                          {optimizer, BadValues::stop, batches.tokens_per_step()}, false));
    if (step > 0) continue;
    for (const OwnedFragment& owned : state.storage->owned()) add_gradients(trained, state.model.parameters(), owned);
  }
  return trained;
}

Trained run_on_one_rank(const ModelOptions& model) {
  const auto self = connect_self_world();
  const int64_t everyone[] = {0};
  const auto data = self->communicator(Axis::data, everyone);
  return run(model, {1, 1, global_batch_size}, Mesh({1, 1, 1, 1}), 0, *data, {}, nullptr);
}

// |box of the whole - held| / |box of the whole|, of matrices and vectors.
double relative_error(const Trained::Gradient& held, const Trained::Gradient& whole) {
  const Box& box = held.part.box;
  const bool matrix = box.size.rank() == 2;
  const int64_t width = matrix ? held.part.global_shape[1] : 1;
  const int64_t columns = matrix ? box.size[1] : 1;
  const int64_t first_column = matrix ? box.offset[1] : 0;
  double error = 0;
  double norm = 0;
  for (int64_t row = 0; row < box.size[0]; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const double expected = whole.values[static_cast<size_t>((box.offset[0] + row) * width + first_column + column)];
      error += std::pow(held.values[static_cast<size_t>(row * columns + column)] - expected, 2);
      norm += std::pow(expected, 2);
    }
  }
  return norm == 0 ? std::sqrt(error) : std::sqrt(error / norm);
}

class Layouts : public testing::TestWithParam<ModelCase> {};

TEST_P(Layouts, GiveTheLossesAndGradientsOfOneRank) {
  const ModelOptions& model = GetParam().options;
  const Trained expected = run_on_one_rank(model);
  ASSERT_LT(expected.steps.back().loss, expected.steps.front().loss);
  World& world = test::world();
  for (const Layout& layout : layouts) {
    const Mesh mesh({layout.data, 1, 1, layout.tensor}, parse_rank_order(layout.rank_order));
    if (mesh.size() > world.size() || world.rank() >= mesh.size()) continue;
    SCOPED_TRACE(fmt::format("{}, ZeRO stage {}{}, {} chunks", mesh.to_string(), layout.zero_stage,
                             layout.exchange.sequence_parallel ? ", sequence parallel" : "",
                             layout.exchange.num_chunks));
    const int64_t rank = world.rank();
    const Sharding sharding =
        Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data, mesh.coordinate(rank, Axis::data));
    const DataCommunicators data = connect_data_axis(world, mesh, sharding);
    const auto tensor = layout.tensor == 1 ? nullptr : world.communicator(Axis::tensor, mesh.group(rank, Axis::tensor));
    const Trained trained = run(model, layout, mesh, rank, data.axis(), sharding, tensor.get());
    // Sums of some hundred terms, in double, through twenty steps of Adam, which divides by small numbers.
    for (size_t step = 0; step < trained.steps.size(); ++step) {
      const StepResult& one = expected.steps[step];
      ASSERT_NEAR(trained.steps[step].loss, one.loss, 1e-9 * one.loss) << "step " << step;
      ASSERT_NEAR(trained.steps[step].gradient_norm, one.gradient_norm, 1e-8 * one.gradient_norm) << "step " << step;
    }
    for (const Trained::Gradient& held : trained.gradients) {
      if (held.part.name.ends_with("key.bias")) continue;  // exactly zero without positions in the keys: rounding
      const auto whole = std::find_if(expected.gradients.begin(), expected.gradients.end(),
                                      [&](const auto& other) { return other.part.name == held.part.name; });
      ASSERT_NE(whole, expected.gradients.end()) << held.part.name;
      EXPECT_LT(relative_error(held, *whole), 1e-12) << held.part.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Layouts, testing::ValuesIn(models),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace kumiko
