// One tiny model trained in one layout, and what must be as on one rank: for tables of layouts.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kumiko/comm/self.h"
#include "kumiko/mesh/mesh.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/state_checkpoint.h"
#include "kumiko/train/step.h"
#include "support/pipeline_place.h"
#include "support/world.h"

namespace kumiko::layouts {

struct ModelCase {
  const char* name;
  ModelOptions options;
};

inline ModelOptions tiny_gpt() {
  ModelOptions options;
  options.num_layers = 2;
  options.hidden_size = 16;
  options.num_attention_heads = 8;
  options.vocab_size = 37;  // no multiple of anything
  options.max_position_embeddings = 6;
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

inline void add_dropout(ModelOptions& options) {
  options.hidden_dropout = 0.1;
  options.attention_dropout = 0.2;
}

inline const ModelCase models[] = {
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
  PipelineOptions pipeline{};

  Mesh mesh() const { return Mesh({data, pipeline.size, 1, tensor}, parse_rank_order(rank_order)); }
  int64_t num_micro_batches() const;
};

// Through a pipeline.
inline Layout piped(int64_t pipeline, const char* schedule, Layout layout, int64_t chunks = 0, int64_t pairs = 1) {
  layout.pipeline.size = pipeline;
  layout.pipeline.schedule = schedule;
  layout.pipeline.chunks = chunks;
  layout.pipeline.pairs = pairs;
  return layout;
}
inline Layout zero(int64_t stage, Layout layout, int64_t group_size = 0) {
  layout.zero_stage = stage;
  layout.zero_group_size = group_size;
  return layout;
}
inline Layout in_chunks(int64_t num_chunks, Layout layout) {
  layout.exchange.num_chunks = num_chunks;
  return layout;
}
// Under sequence parallelism.
inline Layout sharded(int64_t num_chunks, Layout layout) {
  layout.exchange = {true, num_chunks};
  return layout;
}

constexpr int64_t num_steps = 20;
// Of layouts that differ from others in how they communicate.
constexpr int64_t few_steps = 5;
constexpr int64_t global_batch_size = 8;

inline int64_t Layout::num_micro_batches() const { return global_batch_size / (micro_batch_size * data); }

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
  LinearBackend linear = LinearBackend::native;

  DType weights() const { return activations == DType::f64 ? DType::f64 : DType::f32; }
  std::unique_ptr<Kernels> kernels() const {
    return activations == DType::f64 ? make_reference_kernels()
                                     : make_cpu_kernels(MemoryPool::create(), 1, activations, linear);
  }
};

inline std::vector<double> values_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::f64) return {tensor.elements<double>().begin(), tensor.elements<double>().end()};
  return {tensor.elements<float>().begin(), tensor.elements<float>().end()};
}

inline void add_gradients(Trained& trained, const ParameterRegistry& parameters, const OwnedFragment& owned) {
  for (const PartBox& held : part_boxes(parameters, owned.fragment)) {
    trained.gradients.push_back(
        {*held.part, values_of(owned.gradient.slice(held.in_fragment, held.box.num_elements()))});
    trained.gradients.back().part.box = held.box;
  }
}

inline double evaluate(TrainingState& state, const StepContext& context, const std::vector<MicroBatch>& micro_batches,
                       const DataAxis& data) {
  WeightGatherer weights(data, *state.storage, state.model, context);
  const Tensor sum = Tensor::empty(test::pool(), {1}, DType::f64, MemoryPurpose::communication);
  const std::vector<double> losses = evaluate_loss(state.model, context, micro_batches, weights);
  sum.data<double>()[0] = std::accumulate(losses.begin(), losses.end(), 0.0);
  data.ranks.all_reduce(sum, ReduceOp::sum, "loss").wait();
  if (context.pipeline != nullptr) context.pipeline->ranks->all_reduce(sum, ReduceOp::sum, "loss").wait();
  return sum.data<double>()[0];
}

// Where a run is: what it has of the mesh, and its communicators.
struct Place {
  Mesh mesh{MeshSizes{}};
  int64_t rank = 0;
  Sharding sharding{};
  DataCommunicators data{};
  std::unique_ptr<Communicator> tensor{};
  std::unique_ptr<Pipeline> pipeline{};
};

inline Trained run(const ModelOptions& model, const Layout& layout, const Place& place, const Numbers& numbers) {
  const auto kernels = numbers.kernels();
  MemoryPool& pool = test::pool();
  OptimizerOptions optimizer;
  optimizer.lr = 1e-2;
  optimizer.lr_decay_style = DecayStyle::constant;
  optimizer.lr_decay_iters = num_steps;
  optimizer.clip_grad = 0.5;
  const TensorParallel part{place.mesh.size(Axis::tensor), place.mesh.coordinate(place.rank, Axis::tensor),
                            layout.exchange.sequence_parallel};
  TrainingState state = make_training_state(model, optimizer, 7, *kernels, pool, numbers.weights(), part,
                                            place.sharding, test::part_of(place.pipeline));
  StepContext context{*kernels, pool};
  context.dtype = numbers.activations;
  context.seed = 11;
  context.recompute.granularity = layout.recompute;
  context.tensor = place.tensor.get();
  context.exchange = layout.exchange;
  context.pipeline = place.pipeline.get();
  const int64_t parts = context.pipeline != nullptr ? context.pipeline->schedule.parts_per_micro_batch : 1;
  const BatchLayout batches{layout.micro_batch_size / parts, global_batch_size, place.mesh.size(Axis::data),
                            place.mesh.coordinate(place.rank, Axis::data), model.max_position_embeddings};
  const DataAxis data = place.data.axis();
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

inline Trained run_on_one_rank(const ModelOptions& model, const Numbers& numbers) {
  const auto self = connect_self_world();
  const int64_t everyone[] = {0};
  Place place;
  place.data.ranks = self->communicator(Axis::data, everyone);
  place.data.gradients = self->communicator(Axis::data, everyone);
  return run(model, {1, 1, global_batch_size}, place, numbers);
}

// On the first ranks of the world, of which this must be one.
inline Trained run_on_mesh(const ModelOptions& model, const Layout& layout, const Numbers& numbers) {
  World& world = test::world();
  Place place;
  place.mesh = layout.mesh();
  place.rank = world.rank();
  place.sharding = Sharding::of(layout.zero_stage, layout.zero_group_size, layout.data,
                                place.mesh.coordinate(place.rank, Axis::data));
  place.data = connect_data_axis(world, place.mesh, place.sharding);
  if (layout.tensor > 1) place.tensor = world.communicator(Axis::tensor, place.mesh.group(place.rank, Axis::tensor));
  place.pipeline = test::join_pipeline(model, layout.pipeline, place.mesh, layout.num_micro_batches());
  return run(model, layout, place, numbers);
}

inline std::string text_of(const Layout& layout) {
  return fmt::format("data {} x tensor {} x pipeline {} by {}, micro-batches of {}, ZeRO stage {}{}, {} chunks",
                     layout.data, layout.tensor, layout.pipeline.size, layout.pipeline.schedule,
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
inline Difference difference(const Trained::Gradient& held, const Trained::Gradient& whole) {
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

inline void expect_same_steps(const Trained& trained, const Trained& expected, double loss, double gradient_norm) {
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

}  // namespace kumiko::layouts
