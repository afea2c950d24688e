// Any layout gives the losses and gradients of one rank: a table of
// layouts on up to eight ranks. Everything is in double, so that what differs is the order of sums and nothing else;
// a few of them with the fast kernels in the types that people train in.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "kumiko/comm/self.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/state_checkpoint.h"
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
Layout in_chunks(int64_t num_chunks, Layout layout) {
  layout.exchange.num_chunks = num_chunks;
  return layout;
}
// Under sequence parallelism.
Layout sharded(int64_t num_chunks, Layout layout) {
  layout.exchange = {true, num_chunks};
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
    in_chunks(4, {1, 2, 8}),
    in_chunks(2, {2, 2, 4}),
    sharded(1, {1, 2, 8}),
    sharded(4, {1, 2, 8}),
    sharded(1, {1, 2, 1, RecomputeGranularity::full}),
    sharded(3, {1, 4, 4, RecomputeGranularity::selective}),
    sharded(6, {1, 8, 8}),
    sharded(1, {2, 2, 2, RecomputeGranularity::full}),
    sharded(2, {2, 4, 4}),
    sharded(1, {4, 2, 1}),
    zero(1, sharded(2, {2, 2, 4})),
    zero(2, sharded(1, {4, 2, 1})),
    zero(3, sharded(1, {2, 4, 2, RecomputeGranularity::full})),
};

constexpr int64_t num_steps = 20;
// Of layouts that differ from others in how they communicate.
constexpr int64_t few_steps = 5;
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
  double evaluated = 0;  // the loss of some samples between two steps, without dropout
  // Of the first step: the gradient of every box that this rank holds, by the name of its tensor.
  struct Gradient {
    ParameterPart part;
    std::vector<double> values;
  };
  std::vector<Gradient> gradients;
};

// What a run computes with: the reference in double, or the fast kernels with activations of a type and weights in f32.
struct Numbers {
  DType activations = DType::f64;
  int64_t steps = num_steps;

  DType weights() const { return activations == DType::f64 ? DType::f64 : DType::f32; }
  std::unique_ptr<Kernels> kernels() const {
    return activations == DType::f64 ? make_reference_kernels()
                                     : make_cpu_kernels(MemoryPool::create(), 1, activations);
  }
};

std::vector<double> values_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return {tensor.elements<double>().begin(), tensor.elements<double>().end()};
  return {tensor.elements<float>().begin(), tensor.elements<float>().end()};
}

void add_gradients(Trained& trained, const ParameterRegistry& parameters, const OwnedFragment& owned) {
  for (const PartBox& held : part_boxes(parameters, owned.fragment)) {
    trained.gradients.push_back(
        {*held.part, values_of(owned.gradient.slice(held.in_fragment, held.box.num_elements()))});
    trained.gradients.back().part.box = held.box;
  }
}

double evaluate(TrainingState& state, const StepContext& context, const std::vector<MicroBatch>& micro_batches,
                const DataAxis& data) {
  WeightGatherer weights(data, *state.storage, state.model, context);
  const Tensor sum = Tensor::empty(test::pool(), {1}, DType::f64, MemoryPurpose::communication);
  const std::vector<double> losses = evaluate_loss(state.model, context, micro_batches, weights);
  sum.data<double>()[0] = std::accumulate(losses.begin(), losses.end(), 0.0);
  data.ranks.all_reduce(sum, ReduceOp::sum, "loss").wait();
  return sum.data<double>()[0];
}

Trained run(const ModelOptions& model, const Layout& layout, const Mesh& mesh, int64_t rank, const DataAxis& data,
            const Sharding& sharding, Communicator* tensor, const Numbers& numbers) {
  const auto kernels = numbers.kernels();
  MemoryPool& pool = test::pool();
  OptimizerOptions optimizer;
  optimizer.lr = 1e-2;
  optimizer.lr_decay_style = DecayStyle::constant;
  optimizer.lr_decay_iters = num_steps;
  optimizer.clip_grad = 0.5;
  const TensorParallel part{mesh.size(Axis::tensor), mesh.coordinate(rank, Axis::tensor),
                            layout.exchange.sequence_parallel};
  TrainingState state = make_training_state(model, optimizer, 7, *kernels, pool, numbers.weights(), part, sharding);
  StepContext context{*kernels, pool};
  context.dtype = numbers.activations;
  context.seed = 11;
  context.recompute.granularity = layout.recompute;
  context.tensor = tensor;
  context.exchange = layout.exchange;
  const BatchLayout batches{layout.micro_batch_size, global_batch_size, mesh.size(Axis::data),
                            mesh.coordinate(rank, Axis::data), model.max_position_embeddings};
  Trained trained;
  for (int64_t step = 0; step < numbers.steps; ++step) {
    const auto micro_batches = load_micro_batches(Samples(), batches, step, {}, pool);
    trained.steps.push_back(training_step(state, context, micro_batches, data,
                                          {optimizer, BadValues::stop, batches.tokens_per_step()}, false));
    weight_pieces_of(state);  // as a save would
    if (step == 1) trained.evaluated = evaluate(state, context, micro_batches, data);
    if (step > 0) continue;
    for (const OwnedFragment& owned : state.storage->owned()) add_gradients(trained, state.model.parameters(), owned);
  }
  return trained;
}

Trained run_on_one_rank(const ModelOptions& model, const Numbers& numbers) {
  const auto self = connect_self_world();
  const int64_t everyone[] = {0};
  const auto data = self->communicator(Axis::data, everyone);
  return run(model, {1, 1, global_batch_size}, Mesh({1, 1, 1, 1}), 0, *data, {}, nullptr, numbers);
}

// On the first ranks of the world, of which this must be one.
Trained run_on_mesh(const ModelOptions& model, const Layout& layout, const Mesh& mesh, const Numbers& numbers) {
  World& world = test::world();
  const int64_t rank = world.rank();
  const Sharding sharding =
      Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data, mesh.coordinate(rank, Axis::data));
  const DataCommunicators data = connect_data_axis(world, mesh, sharding);
  const auto tensor = layout.tensor == 1 ? nullptr : world.communicator(Axis::tensor, mesh.group(rank, Axis::tensor));
  return run(model, layout, mesh, rank, data.axis(), sharding, tensor.get(), numbers);
}

std::string text_of(const Layout& layout) {
  return fmt::format("data {} x tensor {}, micro-batches of {}, ZeRO stage {}{}, {} chunks", layout.data, layout.tensor,
                     layout.micro_batch_size, layout.zero_stage,
                     layout.exchange.sequence_parallel ? ", sequence parallel" : "", layout.exchange.num_chunks);
}

// Sums of squares.
struct Difference {
  double error = 0;
  double norm = 0;
  double relative() const { return norm == 0 ? std::sqrt(error) : std::sqrt(error / norm); }
};

// Of a box of `whole` and what a rank holds of it, of matrices and vectors.
Difference difference(const Trained::Gradient& held, const Trained::Gradient& whole) {
  const Box& box = held.part.box;
  const bool matrix = box.size.rank() == 2;
  const int64_t width = matrix ? held.part.global_shape[1] : 1;
  const int64_t columns = matrix ? box.size[1] : 1;
  const int64_t first_column = matrix ? box.offset[1] : 0;
  Difference difference;
  for (int64_t row = 0; row < box.size[0]; ++row) {
    for (int64_t column = 0; column < columns; ++column) {
      const double expected = whole.values[static_cast<size_t>((box.offset[0] + row) * width + first_column + column)];
      difference.error += std::pow(held.values[static_cast<size_t>(row * columns + column)] - expected, 2);
      difference.norm += std::pow(expected, 2);
    }
  }
  return difference;
}

void expect_same_steps(const Trained& trained, const Trained& expected, double loss, double gradient_norm) {
  for (size_t step = 0; step < trained.steps.size(); ++step) {
    const StepResult& one = expected.steps[step];
    ASSERT_NEAR(trained.steps[step].loss, one.loss, loss * one.loss) << "step " << step;
    ASSERT_NEAR(trained.steps[step].gradient_norm, one.gradient_norm, gradient_norm * one.gradient_norm)
        << "step " << step;
  }
  EXPECT_NEAR(trained.evaluated, expected.evaluated, loss * expected.evaluated);
}

// Calls visit(name, Difference) for each box.
template <class Visit>
void for_each_gradient(const Trained& trained, const Trained& expected, Visit visit) {
  for (const Trained::Gradient& held : trained.gradients) {
    if (held.part.name.ends_with("key.bias")) continue;  // exactly zero without positions in the keys: rounding
    const auto whole = std::find_if(expected.gradients.begin(), expected.gradients.end(),
                                    [&](const auto& other) { return other.part.name == held.part.name; });
    ASSERT_NE(whole, expected.gradients.end()) << held.part.name;
    visit(held.part.name, difference(held, *whole));
  }
}

class Layouts : public testing::TestWithParam<ModelCase> {};

TEST_P(Layouts, GiveTheLossesAndGradientsOfOneRank) {
  const ModelOptions& model = GetParam().options;
  const Trained expected = run_on_one_rank(model, {});
  ASSERT_LT(expected.steps.back().loss, expected.steps.front().loss);
  for (const Layout& layout : layouts) {
    const Mesh mesh({layout.data, 1, 1, layout.tensor}, parse_rank_order(layout.rank_order));
    if (mesh.size() > test::world().size() || test::world().rank() >= mesh.size()) continue;
    SCOPED_TRACE(text_of(layout));
    const Trained trained = run_on_mesh(model, layout, mesh, {DType::f64, num_steps});
    // Sums of some hundred terms, in double, through twenty steps of Adam, which divides by small numbers.
    expect_same_steps(trained, expected, 1e-9, 1e-8);
    for_each_gradient(trained, expected, [](const std::string& name, const Difference& difference) {
      EXPECT_LT(difference.relative(), 1e-12) << name;
    });
  }
}

// With the fast kernels. A product rounds sums of at most 128 terms in f32, and its result to the activations' type;
// parts that are summed over ranks are rounded before that. A loss has some ten products behind it, one after another,
// a gradient as many again; each adds what it rounds, in both of the runs that are compared.
TEST_P(Layouts, GiveThoseOfOneRankInTheTypesOfTraining) {
  constexpr double terms = 128;
  constexpr double products = 10;
  const Layout tested[] = {in_chunks(1, {2, 2, 2}), sharded(3, {1, 2, 4}), sharded(3, {2, 4, 4})};
  for (const DType type : {DType::f32, DType::bf16}) {
    const Numbers numbers{type, few_steps};
    const Trained expected = run_on_one_rank(GetParam().options, numbers);
    const double rounding = terms * std::ldexp(1.0, -24) + (type == DType::bf16 ? std::ldexp(1.0, -9) : 0);
    for (const Layout& layout : tested) {
      const Mesh mesh({layout.data, 1, 1, layout.tensor});
      if (mesh.size() > test::world().size() || test::world().rank() >= mesh.size()) continue;
      SCOPED_TRACE(fmt::format("{}, {}", text_of(layout), name_of(type)));
      const double loss = 2 * products * rounding;
      const Trained trained = run_on_mesh(GetParam().options, layout, mesh, numbers);
      expect_same_steps(trained, expected, loss, 2 * loss);
      // As a whole: of a small bias terms of both signs leave little more than their rounding.
      Difference all;
      for_each_gradient(trained, expected, [&](const std::string&, const Difference& difference) {
        all.error += difference.error;
        all.norm += difference.norm;
      });
      EXPECT_LT(all.relative(), 2 * loss);
    }
  }
}

// How many chunks there are changes no bit of a row. Under sequence parallelism it changes which rows a rank has, and
// so the order in which a norm's gradient is summed; of the first step nothing else.
TEST_P(Layouts, GiveTheSameBitsInAnyNumberOfChunks) {
  const Mesh mesh({1, 1, 1, 4});
  if (mesh.size() > test::world().size() || test::world().rank() >= mesh.size()) return;
  for (const bool shards : {false, true}) {
    for (const DType type : {DType::f32, DType::bf16}) {
      SCOPED_TRACE(fmt::format("{}, {}", shards ? "sequence parallel" : "all tokens on each rank", name_of(type)));
      const auto run_in = [&](int64_t num_chunks) {
        const Layout layout = shards ? sharded(num_chunks, {1, 4, 4}) : in_chunks(num_chunks, {1, 4, 4});
        return run_on_mesh(GetParam().options, layout, mesh, {type, shards ? 1 : 2});
      };
      const Trained one = run_in(1);
      for (const int64_t num_chunks : {2, 3}) {
        const Trained several = run_in(num_chunks);
        for (size_t i = 0; i < one.steps.size(); ++i) EXPECT_EQ(several.steps[i].loss, one.steps[i].loss);
        for (size_t i = 0; i < one.gradients.size(); ++i) {
          const std::string& name = one.gradients[i].part.name;
          if (shards && name.find("norm") != std::string::npos) continue;
          EXPECT_EQ(several.gradients[i].values, one.gradients[i].values) << name << " in " << num_chunks;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Layouts, testing::ValuesIn(models),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace kumiko
