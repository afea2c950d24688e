// What a step holds and sends is what the formulas say, by purpose, for ZeRO stages on up to four ranks.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "kumiko/comm/algorithms.h"
#include "kumiko/model/canonical.h"
#include "kumiko/model/traffic.h"
#include "kumiko/parallel/zero_formulas.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/step.h"
#include "support/world.h"

namespace kumiko {
namespace {

struct Row {
  int64_t stage;
  int64_t data;
  int64_t tensor = 1;
  int64_t num_micro_batches = 1;
  int64_t group_size = 0;
  RecomputeGranularity recompute = RecomputeGranularity::none;
  const char* model = "gpt";  // or llama, shared keys, one layer
  TensorExchange exchange{};
  bool reproducible = false;
};

const Row rows[] = {
    {0, 1, 1, 2},
    {0, 2},
    {0, 4, 1, 2},
    {1, 2},
    {1, 4, 1, 3},
    {1, 4, 1, 1, 2},
    {2, 2},
    {2, 4, 1, 3},
    {2, 4, 1, 2, 2, RecomputeGranularity::full},
    {2, 2, 2, 2, 0, RecomputeGranularity::selective},
    {3, 2},
    {3, 4, 1, 2},
    {3, 4, 1, 2, 0, RecomputeGranularity::none, "llama"},
    {3, 4, 1, 3, 2},
    {3, 2, 1, 2, 0, RecomputeGranularity::full},
    {3, 2, 2, 1, 0, RecomputeGranularity::full},
    {3, 2, 2, 2, 0, RecomputeGranularity::none, "llama"},
    {0, 2, 2, 2, 0, RecomputeGranularity::none, "shared keys"},
    {3, 2, 2, 2, 0, RecomputeGranularity::none, "shared keys"},
    {3, 4, 1, 2, 0, RecomputeGranularity::none, "one layer"},
    {1, 2, 2, 2, 0, RecomputeGranularity::none, "gpt", {true, 3}},
    {2, 2, 2, 2, 0, RecomputeGranularity::selective, "llama", {true, 1}},
    {3, 2, 2, 2, 0, RecomputeGranularity::full, "shared keys", {true, 2}},
    {3, 2, 2, 1, 0, RecomputeGranularity::none, "gpt", {false, 2}},
};

// In the reproducible mode.
const Row reproducible_rows[] = {
    {0, 1, 1, 4, 0, RecomputeGranularity::none, "gpt", {}, true},
    {0, 2, 1, 3, 0, RecomputeGranularity::none, "gpt", {}, true},
    {1, 4, 1, 2, 2, RecomputeGranularity::none, "gpt", {}, true},
    {2, 2, 1, 5, 0, RecomputeGranularity::none, "llama", {}, true},
    {3, 2, 2, 2, 0, RecomputeGranularity::full, "gpt", {}, true},
};

constexpr int64_t seq_length = 24;
constexpr int64_t small_sums = 256;  // bytes of loss and norm

ModelOptions model_of(const Row& row) {
  ModelOptions options;
  options.num_layers = 3;
  options.hidden_size = 48;
  options.num_attention_heads = 4;
  options.vocab_size = 331;
  options.max_position_embeddings = seq_length;
  const std::string_view name = row.model;
  if (name == "one layer") options.num_layers = 1;
  if (name == "shared keys") options.num_query_groups = 1;
  if (name == "llama" || name == "shared keys") {
    options.architecture = Architecture::llama;
    options.ffn_hidden_size = 101;
    options.untie_embeddings_and_output_weights = true;
  }
  options.fill_in_sizes();
  return options;
}

std::vector<MicroBatch> batches(const Row& row, MemoryPool& pool) {
  std::vector<MicroBatch> made;
  for (int64_t i = 0; i < row.num_micro_batches; ++i) {
    const Tensor tokens = Tensor::zeros(pool, {1, seq_length}, DType::i32, MemoryPurpose::workspace);
    made.push_back({tokens, Tensor::zeros(pool, {1, seq_length}, DType::i32, MemoryPurpose::workspace), i});
  }
  return made;
}

struct Measured {
  StepMemory predicted;
  std::array<int64_t, num_memory_purposes> peaks{};
  std::vector<TrafficRow> traffic;
  std::vector<TrafficRow> expected;
};

// Of the second step: the first makes what stays.
Measured measure(const Row& row, const Mesh& mesh, World& world) {
  const int64_t rank = world.rank();
  const int64_t coordinate = mesh.coordinate(rank, Axis::data);
  const Sharding sharding = Sharding::of(row.stage, row.group_size, row.data, coordinate);
  const DataCommunicators data = connect_data_axis(world, mesh, sharding);
  const auto tensor = row.tensor == 1 ? nullptr : world.communicator(Axis::tensor, mesh.group(rank, Axis::tensor));
  TensorParallel part{row.tensor, mesh.coordinate(rank, Axis::tensor), row.exchange.sequence_parallel};
  const ModelOptions model = model_of(row);
  if (row.reproducible) part.canonical_blocks = canonical_blocks(model);
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(MemoryPool::create(), 1);
  const OptimizerOptions optimizer;
  TrainingState state = make_training_state(model, optimizer, 1, *kernels, *pool, DType::f32, part, sharding);
  StepContext context{*kernels, *pool};
  context.recompute.granularity = row.recompute;
  context.tensor = tensor.get();
  context.exchange = row.exchange;
  context.reproducible = row.reproducible;
  const auto micro_batches = batches(row, *pool);
  StepSettings settings{optimizer};
  settings.optimizer.lr_decay_iters = 10;
  settings.tokens_per_step = row.num_micro_batches * row.data * seq_length;
  training_step(state, context, micro_batches, data.axis(), settings, false);
  pool->reset_peaks();
  world.reset_traffic();
  training_step(state, context, micro_batches, data.axis(), settings, false);

  Measured measured;
  measured.traffic = world.traffic();
  StepMemoryShape shape;
  shape.seq_length = seq_length;
  shape.num_micro_batches = row.num_micro_batches;
  shape.recompute.granularity = row.recompute;
  shape.tensor_parallel = part;
  shape.communication = gradient_communication_memory(state.model.parameters(), sharding, row.data, DType::f32) +
                        all_reduce_memory(seq_length * model.hidden_size, DType::f32, static_cast<int>(row.tensor));
  measured.predicted = sharded_step_memory(model, shape, sharding);
  for (size_t i = 0; i < measured.peaks.size(); ++i) {
    measured.peaks[i] = pool->use(static_cast<MemoryPurpose>(i)).peak;
  }
  DataTrafficShape traffic;
  traffic.sharding = sharding;
  traffic.num_ranks = row.data;
  traffic.num_micro_batches = row.num_micro_batches;
  traffic.recompute.granularity = row.recompute;
  traffic.reproducible = row.reproducible;
  measured.expected = data_traffic(state.model, traffic);
  const auto of_layers = tensor_traffic(model, shape, row.exchange.num_chunks);
  measured.expected.insert(measured.expected.end(), of_layers.begin(), of_layers.end());
  return measured;
}

// "all_reduce gradients: 5 calls, 1234 bytes", sorted.
std::vector<std::string> text_of(const std::vector<TrafficRow>& traffic, std::string_view purpose = "") {
  std::vector<std::string> lines;
  for (const TrafficRow& row : traffic) {
    if (row.calls == 0 || (!purpose.empty() && row.purpose != purpose)) continue;
    lines.push_back(fmt::format("{} {} {}: {} calls, {} bytes", name_of(row.axis), name_of(row.verb), row.purpose,
                                row.calls, row.bytes));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

// Calls check(measured) on the ranks of each row.
template <class Check>
void for_each_row(std::span<const Row> rows_to_measure, Check check) {
  World& world = test::world();
  for (const Row& row : rows_to_measure) {
    const Mesh mesh({row.data, 1, 1, row.tensor});
    if (world.rank() >= mesh.size()) continue;
    SCOPED_TRACE(fmt::format("{}: stage {}, {}, {} micro-batches, groups of {}{}", row.model, row.stage,
                             mesh.to_string(), row.num_micro_batches, row.group_size,
                             row.exchange.sequence_parallel ? ", sequence parallel" : ""));
    check(measure(row, mesh, world));
  }
}

TEST(Zero, HoldsAndSendsWhatTheFormulasSay) {
  for_each_row(rows, [](const Measured& measured) {
    for (size_t i = 0; i < measured.peaks.size(); ++i) {
      const auto purpose = static_cast<MemoryPurpose>(i);
      // What collectives need depends on what is in flight at the same time.
      if (purpose == MemoryPurpose::communication) {
        EXPECT_LE(measured.peaks[i], measured.predicted[purpose] + small_sums) << name_of(purpose);
      } else {
        EXPECT_EQ(measured.peaks[i], measured.predicted[purpose]) << name_of(purpose);
      }
    }
    EXPECT_EQ(text_of(measured.traffic), text_of(measured.expected));
  });
}

TEST(Zero, HoldsNoMoreGradientsThanTheFormulasSayInTheReproducibleMode) {
  for_each_row(reproducible_rows, [](const Measured& measured) {
    constexpr auto gradients = static_cast<size_t>(MemoryPurpose::gradients);
    EXPECT_LE(measured.peaks[gradients], measured.predicted[MemoryPurpose::gradients]);
    EXPECT_GE(measured.peaks[gradients], measured.predicted[MemoryPurpose::gradients] / 2);
    for (const char* purpose : {"gradients", "gradients between groups", "weights"}) {
      EXPECT_EQ(text_of(measured.traffic, purpose), text_of(measured.expected, purpose));
    }
  });
}

}  // namespace
}  // namespace kumiko
