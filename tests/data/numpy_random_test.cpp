#include "kumiko/data/numpy_random.h"

#include <numeric>

#include "data/order_fixtures.h"
#include "kumiko/data/blend.h"

namespace kumiko {
namespace {

std::vector<int32_t> shuffled(NumpyRandomState& random, std::vector<int32_t> values) {
  random.shuffle(std::span(values));
  return values;
}

std::vector<int32_t> count_up(size_t size) {
  std::vector<int32_t> values(size);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(NumpyRandomState, ShufflesAsInNumpysOwnTest) {
  NumpyRandomState random(1234567890);
  EXPECT_EQ(shuffled(random, {1, 2, 3, 4, 5, 6, 7, 8, 9, 0}), (std::vector<int32_t>{0, 1, 9, 6, 2, 4, 5, 8, 7, 3}));
}

TEST(NumpyRandomState, GoesOnFromOneShuffleToTheNext) {
  NumpyRandomState random(1234);
  EXPECT_EQ(shuffled(random, count_up(10)), (std::vector<int32_t>{7, 2, 9, 1, 0, 8, 4, 5, 6, 3}));
  EXPECT_EQ(shuffled(random, count_up(6)), (std::vector<int32_t>{5, 0, 3, 4, 2, 1}));
}

TEST(NumpyRandomState, ShufflesAsNumpy) {
  const auto cases = order_fixtures("shuffles");
  ASSERT_EQ(cases.size(), 3U);
  for (const auto& item : cases) {
    NumpyRandomState random(item.at("seed").get<int64_t>());
    for (const auto& expected : item.at("shuffled")) {
      EXPECT_EQ(shuffled(random, count_up(expected.size())), expected.get<std::vector<int32_t>>());
    }
  }
}

TEST(NumpyRandomState, DrawsTwoWordsForLargeIntervals) {
  // mt19937 seeded with 5489 draws 3499211612, then 581869302 (the C++ standard gives the 10000th; these are the first
  // outputs of the reference implementation). The high word comes first.
  NumpyRandomState random(5489);
  EXPECT_EQ(random.interval(~uint64_t{0}), uint64_t{3499211612} << 32 | 581869302);
}

TEST(NumpyRandomState, RefusesSeedsThatNumpyRefuses) {
  EXPECT_EQ(error_message([] { NumpyRandomState(-1); }),
            "data seed -1: expected a whole number from 0 to 4294967295 (2^32 - 1)");
  EXPECT_TRUE(contains(error_message([] { NumpyRandomState(int64_t{1} << 32); }), "data seed 4294967296"));
}

TEST(NormalizeWeights, RoundsAsNumpy) {
  const auto cases = order_fixtures("normalized");
  ASSERT_EQ(cases.size(), 13U);
  for (const auto& item : cases) {
    // To the last bit.
    EXPECT_EQ(normalize_weights(item.at("weights").get<std::vector<double>>()),
              item.at("normalized").get<std::vector<double>>());
  }
}

}  // namespace
}  // namespace kumiko
