#include "kumiko/base/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "kumiko/base/random.h"

namespace kumiko {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest = std::numeric_limits<double>::max();
constexpr double smallest = std::numeric_limits<double>::denorm_min();

double exact(const std::vector<double>& values) {
  ExactSum sum;
  for (const double value : values) sum.add(value);
  return sum.value();
}

// Numbers of every exponent, of both signs.
std::vector<double> wild_numbers(size_t count) {
  const PhiloxKey key = random_key(1, RandomStream::test, 0);
  std::vector<double> values;
  for (uint64_t i = 0; values.size() < count; ++i) {
    const uint64_t bits = uint64_t{random_bits(key, 2 * i)} << 32 | random_bits(key, 2 * i + 1);
    const auto value = std::bit_cast<double>(bits);
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

TEST(ExactSum, RoundsOnceToNearest) {
  EXPECT_EQ(exact({}), 0);
  EXPECT_EQ(exact({0.1, 0.2}), 0.1 + 0.2);
  EXPECT_EQ(exact({1, 1e100, 1, -1e100}), 2);
  EXPECT_EQ(exact({-3.5}), -3.5);
  EXPECT_EQ(exact({1, 0x1p-53}), 1);  // a tie, to even
  EXPECT_EQ(exact({1 + 0x1p-52, 0x1p-53}), 1 + 0x1p-51);
  EXPECT_EQ(exact({1, 0x1p-53, smallest}), 1 + 0x1p-52);  // what breaks it is far below
  EXPECT_EQ(exact({-1, -0x1p-53, -smallest}), -1 - 0x1p-52);
  EXPECT_EQ(exact({1, 0x1p-53, -smallest}), 1);
}

TEST(ExactSum, ReachesFromTheSmallestNumberBeyondTheLargest) {
  EXPECT_EQ(exact({smallest}), smallest);
  EXPECT_EQ(exact({-smallest, 3 * smallest}), 2 * smallest);
  EXPECT_EQ(exact({0x1p-1022, smallest}), 0x1p-1022 + smallest);
  EXPECT_EQ(exact({largest}), largest);
  EXPECT_EQ(exact({largest, largest}), infinity);
  EXPECT_EQ(exact({largest, largest, -largest, -largest, smallest}), smallest);
}

TEST(ExactSum, InfinitiesAndNanAreKept) {
  EXPECT_EQ(exact({1, infinity, -1e300}), infinity);
  EXPECT_EQ(exact({-infinity}), -infinity);
  EXPECT_TRUE(std::isnan(exact({infinity, -infinity})));
  EXPECT_TRUE(std::isnan(exact({1, std::nan("")})));
  const std::vector<float> values = {1, 2, -std::numeric_limits<float>::infinity(), 3};
  ExactSum sum;
  sum.add_squares(values);
  EXPECT_EQ(sum.value(), infinity);
}

TEST(ExactSum, HasTheSameBitsInAnyOrderAndAnyParts) {
  std::vector<double> values = wild_numbers(5000);
  const double expected = exact(values);
  for (size_t parts = 1; parts < 5; ++parts) {
    std::rotate(values.begin(), values.begin() + 1717, values.end());
    std::vector<ExactSum> sums(parts);
    for (size_t i = 0; i < values.size(); ++i) sums[i % parts].add(values[i]);
    std::array<int64_t, ExactSum::num_words> words{};
    for (const ExactSum& sum : sums) {
      const auto more = sum.words();
      for (size_t i = 0; i < words.size(); ++i) words[i] += more[i];
    }
    EXPECT_EQ(ExactSum::from_words(words).value(), expected);
    for (size_t i = 1; i < parts; ++i) sums[0].add(sums[i]);
    EXPECT_EQ(sums[0].value(), expected);
  }
}

TEST(ExactSum, WhatIsTakenAwayAgainLeavesNothing) {
  ExactSum sum;
  const std::vector<double> values = wild_numbers(2000);
  for (const double value : values) sum.add(value);
  sum.add(42);
  for (const double value : values) sum.add(-value);
  EXPECT_EQ(sum.value(), 42);
}

TEST(ExactSum, SquaresAreThoseOfDouble) {
  // More than a set of bins may hold, of one exponent, and every exponent.
  std::vector<float> values(4 * 65535 + 9, 1 + 0x1.fffffcp-1F);
  for (const double value : wild_numbers(3000)) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(std::bit_cast<uint64_t>(value) >> 9)));
    if (!std::isfinite(values.back())) values.pop_back();
  }
  for (const float value : {0.0F, -0.0F, 0x1p-149F, -0x1.8p-127F, 0x1p-126F, 0x1.fffffep127F}) values.push_back(value);
  ExactSum one_by_one;
  for (const float value : values) one_by_one.add(double{value} * value);
  ExactSum squares;
  squares.add_squares(values);
  EXPECT_EQ(squares.words(), one_by_one.words());
  EXPECT_GT(squares.value(), 0x1p255);
}

}  // namespace
}  // namespace kumiko
