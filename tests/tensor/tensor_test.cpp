#include "kumiko/tensor/tensor.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(Tensor, SlicesShareTheElements) {
  const auto pool = MemoryPool::create();
  const Tensor tensor = Tensor::zeros(*pool, {4, 3}, DType::f32, MemoryPurpose::workspace);
  tensor.rows(1, 3).elements<float>()[0] = 7;
  EXPECT_EQ(tensor.elements<float>()[3], 7);
  EXPECT_EQ(tensor.rows(1, 3).shape(), (Shape{2, 3}));
  EXPECT_EQ(tensor.slice(3, 2).reshaped({2, 1}).elements<float>()[0], 7);
}

TEST(Tensor, RefusesWrongViews) {
  const auto pool = MemoryPool::create();
  const Tensor tensor = Tensor::zeros(*pool, {4, 3}, DType::f32, MemoryPurpose::workspace);
  EXPECT_THROW(tensor.rows(2, 5), Error);
  EXPECT_THROW(tensor.reshaped({5}), Error);
  EXPECT_THROW(tensor.data<double>(), Error);
}

TEST(Shape, SeesMatrices) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.num_rows(), 6);
  EXPECT_EQ(shape.last(), 4);
  EXPECT_EQ(shape.to_string(), "[2, 3, 4]");
  EXPECT_EQ(Shape{}.num_elements(), 1);
}

}  // namespace
}  // namespace kumiko
