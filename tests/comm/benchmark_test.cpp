#include "kumiko/comm/benchmark.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"
#include "support/world.h"

namespace kumiko {
namespace {

TEST(CommBenchmark, TimesEveryVerbAndSize) {
  if (test::world().size() < 2) GTEST_SKIP() << "needs two ranks";
  const CommBenchmarkOptions options = {
      .min_bytes = 64, .max_bytes = 4096, .factor = 8, .overlap_bytes = 4096, .repetitions = 1};
  const std::vector<CommTiming> timings = benchmark_verbs(test::world(), test::pool(), options);
  ASSERT_EQ(timings.size(), 4U * 3U);
  const double size = test::world().size();
  EXPECT_DOUBLE_EQ(timings[0].bus_factor, 2 * (size - 1) / size);
  EXPECT_DOUBLE_EQ(timings[3].bus_factor, (size - 1) / size);
  EXPECT_EQ(timings.back().bus_factor, 1);
  for (const CommTiming& timing : timings) EXPECT_GT(timing.seconds, 0) << name_of(timing.verb);
  const OverlapTiming overlap = benchmark_overlap(test::world(), test::pool(), options);
  EXPECT_GT(overlap.both, 0);
  EXPECT_GT(overlap.processor_beside, 0);
}

TEST(CommBenchmark, NamesABadOption) {
  try {
    CommBenchmarkOptions{.min_bytes = 1024, .max_bytes = 8}.validate();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "--max-bytes 8: at least --min-bytes 1024");
  }
}

}  // namespace
}  // namespace kumiko
