// What a step holds and sends on the tensor axis is what the formulas say, byte for byte, by purpose.
#include <gtest/gtest.h>

#include <algorithm>

#include "kumiko/model/memory.h"
#include "kumiko/model/traffic.h"
#include "kumiko/parallel/zero_formulas.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/step.h"
#include "support/world.h"

namespace kumiko {
namespace {

using Granularity = RecomputeGranularity;

struct Case {
  const char* name;
  bool sequence_parallel = false;
  int64_t num_chunks = 1;
  Granularity recompute = Granularity::none;
  int64_t num_micro_batches = 1;
  Architecture architecture = Architecture::gpt;
  double dropout = 0;
  DType dtype = DType::f32;
  int64_t ffn_hidden_size = 0;
};

const Case cases[] = {
    {"plain"},
    {"chunks", false, 3},
    {"selective, accumulation", false, 1, Granularity::selective, 3},
    {"full, dropout", false, 2, Granularity::full, 1, Architecture::gpt, 0.1},
    {"llama, bf16", false, 2, Granularity::none, 2, Architecture::llama, 0, DType::bf16},
    {"sequence", true},
    {"sequence, chunks", true, 3},
    {"sequence, dropout, accumulation", true, 2, Granularity::none, 2, Architecture::gpt, 0.1},
    {"sequence, selective", true, 1, Granularity::selective},
    {"sequence, full", true, 2, Granularity::full, 2},
    {"sequence, a narrow mlp", true, 1, Granularity::none, 1, Architecture::gpt, 0, DType::f32, 9},
    {"sequence, a narrow mlp, full", true, 1, Granularity::full, 1, Architecture::gpt, 0.1, DType::f32, 9},
    {"sequence, a wide mlp", true, 1, Granularity::none, 1, Architecture::gpt, 0.1, DType::f32, 501},
    {"sequence, llama", true, 3, Granularity::none, 2, Architecture::llama},
    {"sequence, llama, bf16, dropout", true, 2, Granularity::selective, 1, Architecture::llama, 0.1, DType::bf16},
    {"sequence, llama, a narrow mlp, full", true, 1, Granularity::full, 1, Architecture::llama, 0, DType::f32, 9},
    {"sequence, llama, a wide mlp", true, 1, Granularity::none, 1, Architecture::llama, 0.1, DType::f32, 501},
};

constexpr int64_t micro_batch_size = 2;
constexpr int64_t seq_length = 24;

ModelOptions model_of(const Case& tested) {
  ModelOptions options;
  options.architecture = tested.architecture;
  options.num_layers = 3;
  options.hidden_size = 48;
  options.num_attention_heads = 4;
  options.vocab_size = 331;
  options.max_position_embeddings = seq_length;
  options.ffn_hidden_size = tested.ffn_hidden_size;
  options.hidden_dropout = options.attention_dropout = tested.dropout;
  if (tested.architecture == Architecture::llama) options.num_query_groups = 1;
  options.fill_in_sizes();
  return options;
}

StepMemoryShape shape_of(const Case& tested, const TensorParallel& part) {
  StepMemoryShape shape;
  shape.micro_batch_size = micro_batch_size;
  shape.seq_length = seq_length;
  shape.num_micro_batches = tested.num_micro_batches;
  shape.compute = tested.dtype;
  shape.recompute.granularity = tested.recompute;
  shape.tensor_parallel = part;
  return shape;
}

std::vector<MicroBatch> micro_batches_of(const Case& tested, MemoryPool& pool) {
  std::vector<MicroBatch> made;
  const Shape shape = {micro_batch_size, seq_length};
  for (int64_t i = 0; i < tested.num_micro_batches; ++i) {
    made.push_back({Tensor::zeros(pool, shape, DType::i32, MemoryPurpose::workspace),
                    Tensor::zeros(pool, shape, DType::i32, MemoryPurpose::workspace), i * micro_batch_size});
  }
  return made;
}

// Of the tensor axis, sorted.
std::vector<std::string> text_of(const std::vector<TrafficRow>& traffic) {
  std::vector<std::string> lines;
  for (const TrafficRow& row : traffic) {
    if (row.axis != Axis::tensor) continue;
    lines.push_back(fmt::format("{} {}: {} calls, {} bytes", name_of(row.verb), row.purpose, row.calls, row.bytes));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

struct Measured {
  std::array<MemoryUse, num_memory_purposes> uses{};
  std::vector<TrafficRow> traffic;
};

// Of the second step: the first makes what stays.
Measured measure(const Case& tested, const TensorParallel& part, World& world) {
  const auto tensor = test::everyone(Axis::tensor);
  const DataCommunicators data = connect_data_axis(world, Mesh({1, 1, 1, part.size}), {});
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(MemoryPool::create(), 1, tested.dtype);
  OptimizerOptions optimizer;
  optimizer.lr_decay_iters = 10;
  TrainingState state = make_training_state(model_of(tested), optimizer, 1, *kernels, *pool, DType::f32, part);
  StepContext context{*kernels, *pool};
  context.dtype = tested.dtype;
  context.recompute.granularity = tested.recompute;
  context.tensor = tensor.get();
  context.exchange = {tested.sequence_parallel, tested.num_chunks};
  const auto micro_batches = micro_batches_of(tested, *pool);
  const StepSettings settings{optimizer, BadValues::stop, tested.num_micro_batches * micro_batch_size * seq_length};
  training_step(state, context, micro_batches, data.axis(), settings, false);
  pool->reset_peaks();
  world.reset_traffic();
  training_step(state, context, micro_batches, data.axis(), settings, false);
  Measured measured;
  measured.traffic = world.traffic();
  for (size_t i = 0; i < measured.uses.size(); ++i) measured.uses[i] = pool->use(static_cast<MemoryPurpose>(i));
  return measured;
}

TEST(TensorAxis, HoldsAndSendsWhatTheFormulasSay) {
  World& world = test::world();
  for (const Case& tested : cases) {
    SCOPED_TRACE(tested.name);
    const TensorParallel part{world.size(), world.rank(), tested.sequence_parallel};
    const StepMemoryShape shape = shape_of(tested, part);
    const StepMemory predicted = step_memory(model_of(tested), shape);
    const Measured measured = measure(tested, part, world);
    for (size_t i = 0; i < measured.uses.size(); ++i) {
      const auto purpose = static_cast<MemoryPurpose>(i);
      if (purpose == MemoryPurpose::communication) continue;  // the world's own pool has most of it
      EXPECT_EQ(measured.uses[i].peak, predicted[purpose]) << name_of(purpose);
    }
    std::vector<TrafficRow> expected = tensor_traffic(model_of(tested), shape, tested.num_chunks);
    DataTrafficShape data;
    data.num_micro_batches = tested.num_micro_batches;
    for (const TrafficRow& row : data_traffic(Model(model_of(tested), part), data)) expected.push_back(row);
    EXPECT_EQ(text_of(measured.traffic), text_of(expected));
  }
}

}  // namespace
}  // namespace kumiko
