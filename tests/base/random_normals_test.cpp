#include "kumiko/base/random_normals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

namespace kumiko {
namespace {

constexpr PhiloxKey key = {12, 34};

std::vector<float> normals(uint64_t first, size_t count, PhiloxKey of = key) {
  std::vector<float> values(count);
  random_normals(of, first, values);
  return values;
}

TEST(RandomNormals, AreBoxAndMullersTransform) {
  const std::vector<float> values = normals(0, 40000);
  double largest_error = 0;
  for (size_t block = 0; block < values.size() / 4; ++block) {
    const PhiloxCounter words = philox({static_cast<uint32_t>(block), 0, 0, 0}, key);
    for (size_t pair = 0; pair < 2; ++pair) {
      const double u = (static_cast<double>(words[2 * pair] >> 1) + 0.5) * 0x1p-31;
      const uint32_t word = words[2 * pair + 1];
      const double within = static_cast<double>(word & 0x3fffffff) * 0x1p-30 - 0.5;
      const double angle = (static_cast<double>(word >> 30) + within) * std::numbers::pi / 2;
      const double radius = std::sqrt(-2 * std::log(u));
      const float* actual = &values[4 * block + 2 * pair];
      largest_error = std::max({largest_error, std::abs(actual[0] - radius * std::cos(angle)),
                                std::abs(actual[1] - radius * std::sin(angle))});
    }
  }
  // Some ten roundings of values below 6. Near radius 0 the error of u, 2^-25, counts by its root.
  EXPECT_LT(largest_error, 5e-4);
  EXPECT_GT(largest_error, 0);
}

TEST(RandomNormals, DependOnTheIndexAlone) {
  const std::vector<float> whole = normals(0, 5000);
  for (const size_t first : {0, 1, 2, 3, 4, 1023, 1024, 2047}) {
    for (const size_t count : {0, 1, 2, 3, 5, 17, 1024, 2500}) {
      const std::vector<float> part = normals(first, count);
      EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)))
          << first << ' ' << count;
    }
  }
}

TEST(RandomNormals, GoOnBeyond32BitsOfBlocks) {
  const uint64_t edge = uint64_t{4} << 32;
  const std::vector<float> across = normals(edge - 8, 16);
  const std::vector<float> behind = normals(edge, 8);
  EXPECT_TRUE(std::equal(behind.begin(), behind.end(), across.begin() + 8));
  EXPECT_NE(behind, normals(0, 8));
}

// The moments of n draws, within five of their own standard deviations: those of x, x^2, x^3, x^4 are 1, 2, 15, 96,
// each to be divided by n (Kendall and Stuart), and the product of neighbours has variance 1.
TEST(RandomNormals, HaveTheMomentsOfTheNormalDistribution) {
  constexpr size_t count = 1 << 22;
  for (const uint32_t seed : {1U, 2U, 3U}) {
    const std::vector<float> values = normals(0, count, {seed, 99});
    double powers[5] = {};
    double neighbours[4] = {};
    for (size_t i = 0; i < count; ++i) {
      const double x = static_cast<double>(values[i]);
      for (int p = 1; p <= 4; ++p) powers[p] += std::pow(x, p) / count;
      for (size_t lag = 1; lag <= 4; ++lag) {
        neighbours[lag - 1] += x * static_cast<double>(values[(i + lag) % count]) / count;
      }
    }
    const double unit = 5 / std::sqrt(static_cast<double>(count));
    EXPECT_NEAR(powers[1], 0, unit);
    EXPECT_NEAR(powers[2], 1, unit * std::sqrt(2));
    EXPECT_NEAR(powers[3], 0, unit * std::sqrt(15));
    EXPECT_NEAR(powers[4], 3, unit * std::sqrt(96));
    for (const double product : neighbours) EXPECT_NEAR(product, 0, unit);
  }
}

TEST(RandomNormals, HaveTheTailsOfTheNormalDistribution) {
  constexpr size_t count = 1 << 22;
  const std::vector<float> values = normals(0, count);
  for (const double bound : {0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 4.5}) {
    const double probability = std::erfc(bound / std::numbers::sqrt2) / 2;
    const double deviation = 5 * std::sqrt(probability * (1 - probability) / static_cast<double>(count));
    const auto share = [&](auto beyond) {
      return static_cast<double>(std::count_if(values.begin(), values.end(), beyond)) / static_cast<double>(count);
    };
    EXPECT_NEAR(share([&](float x) { return static_cast<double>(x) > bound; }), probability, deviation) << bound;
    EXPECT_NEAR(share([&](float x) { return static_cast<double>(x) < -bound; }), probability, deviation) << bound;
  }
}

// The bits themselves: another machine, compiler or flag must not change a model's first weights.
TEST(RandomNormals, AreTheSameBitsEverywhere) {
  const std::vector<float> values = normals(0, 1 << 16);
  uint64_t hash = 0xcbf29ce484222325;
  for (const float value : values) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    hash = (hash ^ bits) * 0x100000001b3;
  }
  EXPECT_EQ(hash, 0x4244e3b0d6254c2bU);
}

}  // namespace
}  // namespace kumiko
