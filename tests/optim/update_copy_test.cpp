#include "kumiko/optim/update_copy.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

Tensor filled(MemoryPool& pool, int64_t count, float first) {
  const Tensor tensor = Tensor::empty(pool, {count}, DType::f32, MemoryPurpose::workspace);
  for (float& value : tensor.elements<float>()) value = first = 1.7F * first - 0.3F;
  return tensor;
}

std::vector<float> values_of(const std::vector<Tensor>& tensors) {
  std::vector<float> values;
  for (const Tensor& tensor : tensors) {
    values.insert(values.end(), tensor.elements<float>().begin(), tensor.elements<float>().end());
  }
  return values;
}

// An update that is undone and made again with another gradient, as if the first had not been; for each optimizer.
TEST(UpdateCopy, UndoesAnUpdateToTheBit) {
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, 1);
  for (const OptimizerKind kind : {OptimizerKind::adam, OptimizerKind::sgd}) {
    OptimizerOptions options;
    options.optimizer = kind;
    const std::vector<Tensor> weights = {filled(*pool, 5, 1), filled(*pool, 16, -2)};
    const auto optimizer = make_optimizer(
        options, {{weights[0], filled(*pool, 5, 0.5F), true}, {weights[1], filled(*pool, 16, 3), false}}, *pool);
    const int64_t before = pool->use(MemoryPurpose::optimizer).current;
    const UpdateCopy copy(weights, *optimizer, *pool);
    // Each tensor is filled up to a cache line.
    EXPECT_EQ(pool->use(MemoryPurpose::optimizer).current - before, 32 * 4 * copied_per_weight(options));
    std::vector<Tensor> all = weights;
    for (const OptimizerState& state : optimizer->state()) all.push_back(state.tensor);
    optimizer->update(*kernels, 1, 1e-2, 1);
    const std::vector<float> first = values_of(all);
    copy.take();
    optimizer->update(*kernels, 2, 1e-2, 1);
    const std::vector<float> second = values_of(all);
    copy.restore();
    EXPECT_EQ(values_of(all), first);
    optimizer->update(*kernels, 2, 1e-2, 1);
    EXPECT_EQ(values_of(all), second);
    EXPECT_NE(first, second);
  }
}

}  // namespace
}  // namespace kumiko
