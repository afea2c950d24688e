#include "kumiko/train/time_limit.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(TimeLimit, LeavesTimeForAStepAndASave) {
  TimeLimit limit(10, 100, 5);  // ends at 700
  EXPECT_FALSE(limit.reached(689.9));
  EXPECT_TRUE(limit.reached(690));
  limit.begin_step(200);
  EXPECT_FALSE(limit.reached_in_step(440));  // 240 + 10 more would be 690
  EXPECT_TRUE(limit.reached_in_step(450));
  limit.end_step(250);
  EXPECT_FALSE(limit.reached(639));
  EXPECT_TRUE(limit.reached(640));
  limit.note_longest_save(0);
  EXPECT_TRUE(limit.reached(640));
  limit.note_longest_save(1);
  EXPECT_FALSE(limit.reached(647));
  EXPECT_TRUE(limit.reached(648));
  limit.begin_step(300);
  limit.end_step(301);
  EXPECT_TRUE(limit.reached(648));  // the longest step counts
}

TEST(TimeLimit, IsNeverReachedWhereThereIsNone) {
  const TimeLimit limit(0, 0, 5);
  EXPECT_FALSE(limit.reached(1e9));
  EXPECT_FALSE(limit.reached_in_step(1e9));
}

}  // namespace
}  // namespace kumiko
