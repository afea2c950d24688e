#include "kumiko/kernels/first_keys.h"

#include <gtest/gtest.h>

#include <vector>

namespace kumiko {
namespace {

using Keys = std::vector<int32_t>;

Keys with_window(Keys first_keys, int64_t num_keys, int64_t window) {
  window_first_keys(num_keys, window, first_keys);
  return first_keys;
}

TEST(WindowFirstKeys, SeesTheLastKeysUpToItsOwn) {
  EXPECT_EQ(with_window({0, 0, 0, 0, 0}, 5, 3), (Keys{0, 0, 0, 1, 2}));
  EXPECT_EQ(with_window({0, 0, 0}, 3, 1), (Keys{0, 1, 2}));
  EXPECT_EQ(with_window({0, 0, 0}, 3, 3), (Keys{0, 0, 0}));
}

TEST(WindowFirstKeys, CountsFromTheBeginningOfTheCache) { EXPECT_EQ(with_window({0, 0}, 10, 4), (Keys{5, 6})); }

TEST(WindowFirstKeys, LeavesDocumentsThatAreShorter) {
  EXPECT_EQ(with_window({0, 0, 0, 0, 4, 4, 6}, 7, 3), (Keys{0, 0, 0, 1, 4, 4, 6}));
}

}  // namespace
}  // namespace kumiko
