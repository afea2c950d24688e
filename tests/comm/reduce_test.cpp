// Verbs that sum: against a direct statement of the order of summation, to the bit.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "comm/values.h"

namespace kumiko {
namespace {

using test::empty_tensor;
using test::everyone;
using test::same_bytes;
using test::sizes;

template <class T>
T value_of(int rank, int64_t index, int salt) {
  const uint64_t bits = test::mark(rank, index, salt);
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(static_cast<int64_t>(bits)) / static_cast<T>(0x1p63);  // [-1, 1), full of digits
  } else {
    return static_cast<T>(bits >> 8) / 16;  // no overflow in a sum of a few
  }
}

template <class T>
Tensor contribution(int rank, int64_t count, int salt = 0) {
  const Tensor tensor = empty_tensor(count, DTypeOf<T>::value);
  for (int64_t i = 0; i < count; ++i) tensor.data<T>()[i] = value_of<T>(rank, i, salt);
  return tensor;
}

// The promise of comm/reduction.h, stated once more: [begin, end) splits at the largest power of two below its length.
template <class T>
T tree(int begin, int end, int64_t index, ReduceOp op, int salt) {
  if (end - begin == 1) return value_of<T>(begin, index, salt);
  int half = 1;
  while (half * 2 < end - begin) half *= 2;
  const T left = tree<T>(begin, begin + half, index, op, salt);
  const T right = tree<T>(begin + half, end, index, op, salt);
  return op == ReduceOp::sum ? left + right : std::max(left, right);
}

template <class T>
Tensor expected(int size, int64_t count, ReduceOp op, int salt = 0) {
  const Tensor tensor = empty_tensor(count, DTypeOf<T>::value);
  for (int64_t i = 0; i < count; ++i) tensor.data<T>()[i] = tree<T>(0, size, i, op, salt);
  return tensor;
}

template <class T>
class Reducing : public testing::Test {};
using Types = testing::Types<float, double, int32_t, int64_t>;
TYPED_TEST_SUITE(Reducing, Types);

TYPED_TEST(Reducing, AllReduce) {
  const auto all = everyone();
  for (const ReduceOp op : {ReduceOp::sum, ReduceOp::max}) {
    for (const int64_t count : sizes) {
      const Tensor tensor = contribution<TypeParam>(all->rank(), count);
      all->all_reduce(tensor, op, "test").wait();
      EXPECT_TRUE(same_bytes(tensor, expected<TypeParam>(all->size(), count, op))) << count;
    }
  }
}

TYPED_TEST(Reducing, ReduceScatter) {
  const auto all = everyone();
  for (const int64_t count : {0, 1, 1000, 300'001}) {
    const Tensor output = empty_tensor(count, DTypeOf<TypeParam>::value);
    const Tensor sum = expected<TypeParam>(all->size(), count * all->size(), ReduceOp::sum);
    const Tensor input = contribution<TypeParam>(all->rank(), count * all->size());
    all->reduce_scatter(input, output, ReduceOp::sum, "test").wait();
    EXPECT_TRUE(same_bytes(output, sum.slice(all->rank() * count, count))) << count;
    EXPECT_TRUE(same_bytes(input, contribution<TypeParam>(all->rank(), count * all->size()))) << "input changed";
  }
}

TYPED_TEST(Reducing, ReduceScatterInPlace) {
  const auto all = everyone();
  const int64_t count = 3001;
  const Tensor input = contribution<TypeParam>(all->rank(), count * all->size());
  const Tensor own = input.slice(all->rank() * count, count);
  all->reduce_scatter(input, own, ReduceOp::sum, "test").wait();
  const Tensor sum = expected<TypeParam>(all->size(), count * all->size(), ReduceOp::sum);
  EXPECT_TRUE(same_bytes(own, sum.slice(all->rank() * count, count)));
}

TYPED_TEST(Reducing, ReduceToEveryRootLeavesTheOthersAlone) {
  const auto all = everyone();
  for (int root = 0; root < all->size(); ++root) {
    for (const int64_t count : {0, 1, 1000, 600'001}) {
      const Tensor tensor = contribution<TypeParam>(all->rank(), count);
      all->reduce(tensor, ReduceOp::sum, root, "test").wait();
      const Tensor right = all->rank() == root ? expected<TypeParam>(all->size(), count, ReduceOp::sum)
                                               : contribution<TypeParam>(all->rank(), count);
      EXPECT_TRUE(same_bytes(tensor, right)) << count << " to " << root;
    }
  }
}

// Powers of two survive bf16 (8 bits) and f16 (11 bits) exactly, up to the sum of a few.
TEST(ReducingHalves, AllReduceAndReduceScatter) {
  const auto all = everyone();
  struct Case {
    DType dtype;
    uint16_t one, three, quarter;
  };
  for (const Case& c : {Case{DType::bf16, 0x3F80, 0x4040, 0x3E80}, Case{DType::f16, 0x3C00, 0x4200, 0x3400}}) {
    for (const int64_t count : {1, 5, 2'200'001}) {
      // Rank 0 gives 3, the others 0.25 each, four of which would make 1.
      const uint16_t own = all->rank() == 0 ? c.three : c.quarter;
      const Tensor tensor = empty_tensor(count, c.dtype);
      auto* bits = static_cast<uint16_t*>(tensor.raw());
      std::fill_n(bits, count, own);
      all->all_reduce(tensor, ReduceOp::max, "test").wait();
      EXPECT_EQ(std::count(bits, bits + count, c.three), count);
      std::fill_n(bits, count, c.one);
      all->all_reduce(tensor, ReduceOp::sum, "test").wait();
      const uint16_t sums_bf16[] = {0x3F80, 0x4000, 0x4040, 0x4080};
      const uint16_t sums_f16[] = {0x3C00, 0x4000, 0x4200, 0x4400};
      const uint16_t sum = (c.dtype == DType::bf16 ? sums_bf16 : sums_f16)[all->size() - 1];
      EXPECT_EQ(std::count(bits, bits + count, sum), count) << count << " " << name_of(c.dtype);
    }
  }
}

TEST(ReducingOrder, BothAlgorithmsAndTwoRunsGiveTheSameBits) {
  const auto all = everyone();
  const int64_t count = 1500;  // alone: the algorithm of few steps; as the beginning of a long tensor: the other
  const Tensor small = contribution<float>(all->rank(), count);
  const Tensor large = contribution<float>(all->rank(), 1'200'000);
  const Tensor again = contribution<float>(all->rank(), 1'200'000);
  for (const Tensor& tensor : {small, large, again}) all->all_reduce(tensor, ReduceOp::sum, "test").wait();
  EXPECT_TRUE(same_bytes(small, large.slice(0, count)));
  EXPECT_TRUE(same_bytes(large, again));
}

TEST(ReducingOrder, NanIsNotLost) {
  const auto all = everyone();
  for (const int64_t count : {4, 40'000}) {
    const Tensor tensor = contribution<float>(all->rank(), count);
    if (all->rank() == 0) tensor.data<float>()[3] = std::numeric_limits<float>::quiet_NaN();
    all->all_reduce(tensor, ReduceOp::max, "test").wait();
    EXPECT_TRUE(std::isnan(tensor.data<float>()[3]));
    EXPECT_FALSE(std::isnan(tensor.data<float>()[2]));
  }
}

}  // namespace
}  // namespace kumiko
