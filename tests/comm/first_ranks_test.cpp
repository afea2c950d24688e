#include "kumiko/comm/first_ranks.h"

#include <gtest/gtest.h>

#include <numeric>

#include "comm/values.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

using test::marked;
using test::world;

TEST(FirstRanks, CommunicateWithoutTheOthers) {
  const int64_t size = (world().size() + 1) / 2;
  if (world().rank() < size) {
    const auto part = first_ranks(world(), size);
    EXPECT_EQ(part->rank(), world().rank());
    ASSERT_EQ(part->size(), size);
    EXPECT_EQ(part->ranks().size(), static_cast<size_t>(size));
    EXPECT_EQ(part->local_rank(), world().local_rank());
    EXPECT_EQ(part->local_size(), size);  // these tests run on one host
    std::vector<int64_t> members(static_cast<size_t>(size));
    std::iota(members.begin(), members.end(), 0);
    const auto all = part->communicator(Axis::data, members);
    world().reset_traffic();
    const Tensor tensor = marked(0, 10, DType::i32);
    all->all_reduce(tensor, ReduceOp::max, "test").wait();
    ASSERT_EQ(part->traffic().size(), 1U);
    EXPECT_EQ(part->traffic()[0].bytes, 40);
  }
  test::everyone()->barrier("test").wait();
}

TEST(FirstRanks, AreRefusedToTheOthers) {
  EXPECT_THROW(first_ranks(world(), world().size() + 1), Error);
  if (world().rank() > 0) {
    EXPECT_THROW(first_ranks(world(), world().rank()), Error);
  }
  const auto part = first_ranks(world(), world().rank() + 1);
  const std::vector<int64_t> beyond = {world().rank(), world().rank() + 1};
  EXPECT_THROW(part->communicator(Axis::data, beyond), Error);
}

}  // namespace
}  // namespace kumiko
