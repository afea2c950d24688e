#include "kumiko/data/progress.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(ProgressText, GivesRateAndTimeLeft) {
  constexpr int64_t mebibyte = int64_t{1} << 20;
  EXPECT_EQ(progress_text(25 * mebibyte, 100 * mebibyte, 2.0),
            "25.00 MiB of 100.00 MiB (25 %), 12.50 MiB/s, 6.0 s left");
  EXPECT_EQ(progress_text(0, 100 * mebibyte, 2.0), "0 B of 100.00 MiB (0 %)");
  EXPECT_EQ(progress_text(0, 0, 0.0), "0 B of 0 B (100 %)");
}

}  // namespace
}  // namespace kumiko
