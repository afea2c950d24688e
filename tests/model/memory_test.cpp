#include "kumiko/model/memory.h"

#include <gtest/gtest.h>

#include "kumiko/model/presets.h"
#include "model/tiny_model.h"

namespace kumiko {
namespace {

using Granularity = RecomputeGranularity;
using Method = RecomputeMethod;

struct Case {
  const char* name;
  int64_t num_layers = 3;
  int64_t hidden_size = 12;
  int64_t ffn_hidden_size = 0;
  int64_t batch = 2;
  int64_t sequence = 7;
  int64_t num_micro_batches = 1;
  double dropout = 0;
  RecomputeOptions recompute{};
  bool untied = false;
  Architecture architecture = Architecture::gpt;
  bool documents = false;
  int64_t window_size = 0;
};

const Case cases[] = {
    {"plain"},
    {"one layer", 1},
    {"many tokens", 3, 12, 0, 64, 8},
    {"a narrow mlp", 3, 12, 5},
    {"a wide mlp", 2, 12, 100},
    {"dropout", 3, 12, 0, 32, 8, 1, 0.1},
    {"accumulation", 3, 12, 0, 2, 7, 3},
    {"untied", 3, 12, 0, 2, 7, 1, 0, {}, true},
    {"documents", 3, 12, 0, 2, 7, 3, 0.1, {}, false, Architecture::gpt, true},
    {"documents, selective",
     3,
     12,
     0,
     2,
     7,
     1,
     0,
     {Granularity::selective, Method::uniform, 1},
     false,
     Architecture::gpt,
     true},
    {"selective", 3, 12, 5, 32, 8, 1, 0, {Granularity::selective, Method::uniform, 1}},
    {"selective, dropout", 3, 12, 0, 32, 8, 2, 0.1, {Granularity::selective, Method::uniform, 1}},
    {"full", 4, 12, 0, 32, 8, 1, 0, {Granularity::full, Method::uniform, 1}},
    {"full, dropout", 4, 12, 0, 32, 8, 1, 0.1, {Granularity::full, Method::uniform, 1}},
    {"full, narrow mlp", 4, 12, 5, 32, 8, 1, 0, {Granularity::full, Method::uniform, 1}},
    {"full, uneven spans", 5, 12, 0, 32, 8, 1, 0, {Granularity::full, Method::uniform, 2}},
    {"full, one span", 3, 12, 0, 32, 8, 1, 0.1, {Granularity::full, Method::uniform, 3}},
    {"full, first blocks", 5, 12, 0, 32, 8, 1, 0, {Granularity::full, Method::block, 2}},
    {"full, all blocks", 3, 12, 0, 32, 8, 1, 0, {Granularity::full, Method::block, 3}},
    {"window", 3, 12, 10, 2, 7, 1, 0, {}, false, Architecture::llama, false, 3},
    {"window, documents", 3, 12, 10, 2, 7, 1, 0, {}, false, Architecture::llama, true, 3},
    {"window, not used", 3, 12, 10, 2, 7, 1, 0, {}, false, Architecture::llama, false, 7},
    {"llama", 3, 12, 10, 2, 7, 1, 0, {}, false, Architecture::llama},
    {"llama, a narrow mlp", 3, 12, 2, 2, 7, 1, 0, {}, false, Architecture::llama},
    {"llama, a wide mlp, dropout", 2, 12, 100, 32, 8, 2, 0.1, {}, true, Architecture::llama},
    {"llama, selective",
     3,
     12,
     5,
     32,
     8,
     1,
     0.1,
     {Granularity::selective, Method::uniform, 1},
     false,
     Architecture::llama},
    {"llama, full", 5, 12, 20, 32, 8, 1, 0, {Granularity::full, Method::uniform, 2}, false, Architecture::llama},
    {"llama, full, narrow mlp",
     3,
     12,
     2,
     32,
     8,
     1,
     0.1,
     {Granularity::full, Method::block, 2},
     false,
     Architecture::llama},
};

ModelOptions model_of(const Case& expected) {
  ModelOptions options = expected.architecture == Architecture::gpt ? tiny_options() : tiny_llama_options();
  options.num_layers = expected.num_layers;
  options.window_size = expected.window_size;
  options.hidden_size = expected.hidden_size;
  options.ffn_hidden_size = expected.ffn_hidden_size;
  options.hidden_dropout = expected.dropout;
  options.attention_dropout = expected.dropout;
  options.untie_embeddings_and_output_weights = expected.untied;
  return options;
}

StepMemoryShape shape_of(const Case& expected, DType dtype) {
  StepMemoryShape shape;
  shape.micro_batch_size = expected.batch;
  shape.seq_length = expected.sequence;
  shape.num_micro_batches = expected.num_micro_batches;
  shape.compute = dtype;
  shape.weights = dtype;
  shape.recompute = expected.recompute;
  shape.optimizer_states = 0;
  shape.first_keys = shape.positions = expected.documents;
  return shape;
}

// The model's own memory, with the kernels' scratch in a pool of its own: exactly what the pool counted.
void check_accounting(const Case& expected, std::unique_ptr<Kernels> kernels, DType dtype) {
  SCOPED_TRACE(expected.name);
  const ModelOptions options = model_of(expected);
  const StepMemoryShape shape = shape_of(expected, dtype);
  TinyModel tiny(options, std::move(kernels), dtype);
  tiny.batch = expected.batch;
  tiny.sequence = expected.sequence;
  tiny.recompute = expected.recompute;
  tiny.documents = expected.documents;
  WeightWork work(WeightWork::When::at_once);
  std::vector<Pass> passes;
  for (int64_t i = 0; i < expected.num_micro_batches; ++i) passes.push_back(tiny.pass(&work, true));
  const std::vector<Pass> brought = passes;  // micro-batches keep what they bring
  for (Pass& pass : passes) {
    tiny.model.forward(pass);
    EXPECT_EQ(tiny.pool->use(MemoryPurpose::stash).current, stash_bytes(options, shape));
    tiny.model.backward(pass);
    EXPECT_EQ(tiny.pool->use(MemoryPurpose::stash).current, 0);
  }
  const StepMemory predicted = step_memory(options, shape);
  for (int i = 0; i < num_memory_purposes; ++i) {
    const auto purpose = static_cast<MemoryPurpose>(i);
    EXPECT_EQ(tiny.pool->use(purpose).peak, predicted[purpose]) << name_of(purpose);
  }
  EXPECT_EQ(tiny.pool->total().peak, predicted.peak);
}

TEST(StepMemory, IsWhatThePoolCounts) {
  for (const Case& expected : cases) check_accounting(expected, make_reference_kernels(), DType::f64);
}

TEST(StepMemory, IsWhatThePoolCountsInSingle) {
  for (const Case& expected : cases) check_accounting(expected, make_cpu_kernels(MemoryPool::create(), 1), DType::f32);
}

TEST(StepMemory, AddsWhatOthersHold) {
  const ModelOptions options = tiny_options();
  StepMemoryShape shape;
  const StepMemory alone = step_memory(options, shape);
  shape.kernel_workspace = 1000;
  shape.communication = 200;
  shape.optimizer_states = 1;
  const StepMemory all = step_memory(options, shape);
  EXPECT_EQ(all[MemoryPurpose::workspace] - alone[MemoryPurpose::workspace], 1000);
  EXPECT_EQ(all[MemoryPurpose::communication], 200);
  const int64_t padded = Model(options).parameters().num_elements_padded();
  EXPECT_EQ(alone[MemoryPurpose::optimizer], 8 * padded);
  EXPECT_EQ(all[MemoryPurpose::optimizer], 4 * padded);
  EXPECT_EQ(all.peak - alone.peak, 1200 - 4 * padded);
}

// Korthikanti et al. 2022: selective recomputation takes away what grows with heads x sequence; full leaves one input a
// block.
TEST(StepMemory, ShrinksWithRecomputation) {
  ModelOptions options;
  apply_preset(options, "gpt2-124m");
  StepMemoryShape shape;
  shape.micro_batch_size = 4;
  shape.seq_length = 1024;
  const auto stash = [&](Granularity granularity, int64_t layers) {
    shape.recompute = {granularity, Method::uniform, layers};
    return step_memory(options, shape)[MemoryPurpose::stash];
  };
  const int64_t none = stash(Granularity::none, 1);
  EXPECT_LT(stash(Granularity::selective, 1), none);
  EXPECT_LT(stash(Granularity::full, 1), none / 4);
  // sqrt(L) blocks a span is the least for equal blocks, when a block keeps little more than its input; here it keeps
  // some ten times that.
  EXPECT_LT(stash(Granularity::full, 1), stash(Granularity::full, 4));
}

}  // namespace
}  // namespace kumiko
