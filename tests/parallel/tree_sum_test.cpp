#include "kumiko/parallel/tree_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kumiko/comm/reduction.h"

namespace kumiko {
namespace {

// Numbers whose sum depends on the order.
Tensor term(MemoryPool& pool, int index) {
  const Tensor tensor = Tensor::empty(pool, {5}, DType::f32, MemoryPurpose::workspace);
  for (int64_t i = 0; i < 5; ++i) tensor.data<float>()[i] = std::sin(static_cast<float>(7 * index + i)) * 1e3F;
  return tensor;
}

TEST(TreeSum, HasTheBitsOfTheTreeOverRanks) {
  const auto pool = MemoryPool::create();
  const auto kernels = make_reference_kernels();
  for (int count = 1; count <= 17; ++count) {
    TreeSum tree;
    std::vector<Tensor> terms;
    std::vector<const void*> contributions;
    for (int i = 0; i < count; ++i) {
      tree.add(*kernels, term(*pool, i));
      terms.push_back(term(*pool, i));
      contributions.push_back(terms.back().raw());
    }
    const Tensor expected = Tensor::empty(*pool, {5}, DType::f32, MemoryPurpose::workspace);
    reduce_tree(DType::f32, ReduceOp::sum, contributions, expected.raw(), 5);
    const Tensor sum = tree.finish(*kernels);
    EXPECT_TRUE(std::equal(sum.data<float>(), sum.data<float>() + 5, expected.data<float>())) << count;
    EXPECT_FALSE(tree.finish(*kernels)) << "nothing stays";
  }
}

}  // namespace
}  // namespace kumiko
