#include "kumiko/base/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kumiko {
namespace {

// Known answers of the authors' library (Random123, kat_vectors, philox4x32-10).
TEST(Philox, GivesTheAuthorsKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomNormal, HasMeanZeroAndVarianceOne) {
  const PhiloxKey key = random_key(1234, RandomStream::test, 0);
  constexpr int count = 100'000;
  double sum = 0;
  double sum_of_squares = 0;
  for (int i = 0; i < count; ++i) {
    const double x = random_normal(key, static_cast<uint64_t>(i));
    sum += x;
    sum_of_squares += x * x;
  }
  // Five standard deviations of the mean (1/sqrt(n)) and of the variance (sqrt(2/n)).
  EXPECT_NEAR(sum / count, 0, 5 / std::sqrt(count));
  EXPECT_NEAR(sum_of_squares / count, 1, 5 * std::sqrt(2.0 / count));
}

TEST(RandomKey, TellsStreamsSeedsAndIndicesApart) {
  const PhiloxKey key = random_key(1, RandomStream::dropout, 2);
  EXPECT_EQ(key, random_key(1, RandomStream::dropout, 2));
  EXPECT_NE(key, random_key(1, RandomStream::dropout, 3));
  EXPECT_NE(key, random_key(2, RandomStream::dropout, 2));
  EXPECT_NE(key, random_key(1, RandomStream::initialization, 2));
}

}  // namespace
}  // namespace kumiko
