#include "kumiko/mesh/box.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace kumiko {
namespace {

TEST(Intersect, IsTheCommonPart) {
  const Box a{{0, 2}, {4, 4}};
  const Box b{{2, 0}, {4, 3}};
  ASSERT_TRUE(intersect(a, b).has_value());
  EXPECT_EQ(*intersect(a, b), (Box{{2, 2}, {2, 1}}));
  EXPECT_FALSE(intersect(a, Box{{4, 0}, {1, 9}}).has_value());
}

// Every element moves to the place that its global index names, for shards cut along any dim.
TEST(CopyBox, MovesElementsByGlobalIndex) {
  const Shape global{3, 4, 5};
  const Box whole = Box::whole(global);
  std::vector<int> values(60);
  std::iota(values.begin(), values.end(), 0);
  const std::vector<Box> shards = {whole, {{1, 0, 0}, {2, 4, 5}}, {{0, 1, 0}, {3, 2, 5}}, {{0, 0, 2}, {3, 4, 2}}};
  for (const Box& shard : shards) {
    std::vector<int> part(static_cast<size_t>(shard.num_elements()), -1);
    copy_box(shard, whole, values.data(), shard, part.data(), sizeof(int));
    std::vector<int> back(60, -1);
    copy_box(shard, shard, part.data(), whole, back.data(), sizeof(int));
    size_t next = 0;
    for (int64_t i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 4; ++j) {
        for (int64_t k = 0; k < 5; ++k) {
          const bool inside = i >= shard.offset[0] && i < shard.offset[0] + shard.size[0] && j >= shard.offset[1] &&
                              j < shard.offset[1] + shard.size[1] && k >= shard.offset[2] &&
                              k < shard.offset[2] + shard.size[2];
          const auto index = static_cast<size_t>((i * 4 + j) * 5 + k);
          EXPECT_EQ(back[index], inside ? values[index] : -1);
          if (inside) {
            EXPECT_EQ(part[next++], values[index]);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace kumiko
