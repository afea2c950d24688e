#include "kumiko/tensor/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kumiko {
namespace {

template <class Half>
Half of_bits(uint32_t bits) {
  Half half;
  half.bits = static_cast<uint16_t>(bits);
  return half;
}

template <class Half>
class HalfType : public testing::Test {};
using HalfTypes = testing::Types<BFloat16, Float16>;
TYPED_TEST_SUITE(HalfType, HalfTypes);

template <class Half>
constexpr uint32_t infinity_bits = 0x7c00;
template <>
constexpr uint32_t infinity_bits<BFloat16> = 0x7f80;

TYPED_TEST(HalfType, KeepsEveryValueOfItsOwn) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<float>(of_bits<TypeParam>(bits));
    if ((bits & 0x7fff) > infinity_bits<TypeParam>) {
      EXPECT_TRUE(std::isnan(value)) << bits;
      EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam(value)))) << bits;
    } else {
      ASSERT_EQ(TypeParam(value).bits, bits);
    }
  }
}

// Neighbours are one step of bits apart; between them the nearer one wins, and the even one in the middle.
TYPED_TEST(HalfType, RoundsToTheNearestAndTiesToEven) {
  for (uint32_t bits = 0; bits + 1 < infinity_bits<TypeParam>; ++bits) {
    const double low = static_cast<float>(of_bits<TypeParam>(bits));
    const double high = static_cast<float>(of_bits<TypeParam>(bits + 1));
    ASSERT_LT(low, high);
    const auto middle = static_cast<float>((low + high) / 2);
    if (middle == low || middle == high) continue;  // below what a float can tell apart
    ASSERT_EQ(double{middle}, (low + high) / 2);
    const uint32_t even = bits + (bits & 1);
    for (const uint32_t sign : {0U, 0x8000U}) {
      const float factor = sign == 0 ? 1.0F : -1.0F;
      ASSERT_EQ(TypeParam(factor * middle).bits, sign | even);
      ASSERT_EQ(TypeParam(factor * std::nextafter(middle, 0.0F)).bits, sign | bits);
      ASSERT_EQ(TypeParam(factor * std::nextafter(middle, INFINITY)).bits, sign | (bits + 1));
    }
  }
}

TEST(Float16, EndsAt65504) {
  EXPECT_EQ(static_cast<float>(Float16(65519.99F)), 65504.0F);
  EXPECT_EQ(static_cast<float>(Float16(65520.0F)), std::numeric_limits<float>::infinity());
  EXPECT_EQ(static_cast<float>(Float16(-1e9F)), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(static_cast<float>(Float16(0x1p-24F)), 0x1p-24F);
  EXPECT_EQ(static_cast<float>(Float16(0x1p-25F)), 0.0F);
}

}  // namespace
}  // namespace kumiko
