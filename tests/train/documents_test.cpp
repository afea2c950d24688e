// Samples of several documents, from the batch to the loss.
#include <gtest/gtest.h>

#include <algorithm>

#include "kumiko/comm/self.h"
#include "kumiko/train/batches.h"
#include "kumiko/train/step.h"

namespace kumiko {
namespace {

using Numbers = std::vector<int32_t>;

// Sample i counts up from i; 4 ends a document.
class CountingSource final : public SampleSource {
 public:
  int64_t num_samples() const override { return 100; }
  void sample(int64_t index, std::span<int32_t> tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<int32_t>((static_cast<size_t>(index) + i) % 10);
  }
};

Numbers numbers(const Tensor& tensor) {
  const auto elements = tensor.elements<int32_t>();
  return {elements.begin(), elements.end()};
}

TEST(LoadMicroBatches, KeepsDocumentsApart) {
  const auto pool = MemoryPool::create();
  const BatchLayout layout{2, 2, 1, 0, 5};
  const CountingSource source;
  const MicroBatch all = load_micro_batches(source, layout, 1, {true, true, true, 4}, *pool).at(0);
  EXPECT_EQ(numbers(all.tokens), (Numbers{2, 3, 4, 5, 6, 3, 4, 5, 6, 7}));
  EXPECT_EQ(numbers(all.targets), (Numbers{3, 4, -1, 6, 7, 4, -1, 6, 7, 8}));
  EXPECT_EQ(numbers(all.first_keys), (Numbers{0, 0, 0, 3, 3, 0, 0, 2, 2, 2}));
  EXPECT_EQ(numbers(all.positions), (Numbers{0, 1, 2, 0, 1, 0, 1, 0, 1, 2}));
  EXPECT_EQ(num_loss_tokens(all), 8);
  const MicroBatch none = load_micro_batches(source, layout, 1, {}, *pool).at(0);
  EXPECT_FALSE(none.first_keys);
  EXPECT_FALSE(none.positions);
  EXPECT_EQ(numbers(none.targets), (Numbers{3, 4, 5, 6, 7, 4, 5, 6, 7, 8}));
}

ModelOptions model_of_ten() {
  ModelOptions options;
  options.num_layers = 1;
  options.hidden_size = 16;
  options.num_attention_heads = 2;
  options.vocab_size = 10;
  options.max_position_embeddings = 5;
  return options;
}

StepResult step_of(const std::vector<MicroBatch>& batches, MemoryPool& pool, int64_t tokens, bool loss_mask) {
  const auto kernels = make_cpu_kernels(MemoryPool::create(), 1);
  const auto world = connect_self_world();
  const int64_t everyone[] = {0};
  const auto data = world->communicator(Axis::data, everyone);
  StepSettings settings;
  settings.optimizer.lr_decay_style = DecayStyle::constant;
  settings.tokens_per_step = tokens;
  settings.loss_mask = loss_mask;
  TrainingState state = make_training_state(model_of_ten(), settings.optimizer, 1, *kernels, pool);
  return training_step(state, {*kernels, pool}, batches, *data, settings, false);
}

TEST(TrainingStep, TakesTheMeanOverTheTokensThatCount) {
  const auto pool = MemoryPool::create();
  std::vector<MicroBatch> batches =
      load_micro_batches(CountingSource(), {1, 2, 1, 0, 5}, 1, {true, true, true, 4}, *pool);
  const StepResult masked = step_of(batches, *pool, 10, true);
  const StepResult expected = step_of(batches, *pool, 8, false);
  EXPECT_EQ(masked.loss, expected.loss);
  EXPECT_EQ(masked.gradient_norm, expected.gradient_norm);
  EXPECT_GT(masked.loss, 1);
}

TEST(TrainingStep, OfNoTokenThatCountsHasNoLossAndNoGradient) {
  const auto pool = MemoryPool::create();
  std::vector<MicroBatch> batches = load_micro_batches(CountingSource(), {1, 1, 1, 0, 5}, 0, {}, *pool);
  const auto targets = batches[0].targets.elements<int32_t>();
  std::fill(targets.begin(), targets.end(), -1);
  const StepResult result = step_of(batches, *pool, 5, true);
  EXPECT_EQ(result.loss, 0);
  EXPECT_EQ(result.gradient_norm, 0);
  EXPECT_FALSE(result.skipped);
}

}  // namespace
}  // namespace kumiko
