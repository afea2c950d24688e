// The world and its communicators together: axes side by side, traffic, misuse.
#include <gtest/gtest.h>

#include "comm/values.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

using test::empty_tensor;
using test::everyone;
using test::marked;
using test::same_bytes;
using test::world;

TEST(World, KnowsItsRanks) {
  ASSERT_EQ(world().ranks().size(), static_cast<size_t>(world().size()));
  EXPECT_EQ(world().local_size(), world().size());  // these tests run on one host
  EXPECT_EQ(world().local_rank(), world().rank());
  for (int r = 0; r < world().size(); ++r) EXPECT_EQ(world().ranks()[static_cast<size_t>(r)].local_rank, r);
  EXPECT_FALSE(world().ranks()[0].host.empty());
  EXPECT_FALSE(world().description().empty());
}

TEST(World, SubCommunicatorsKeepTheOrderGiven) {
  if (world().size() < 3) GTEST_SKIP() << "needs three ranks";
  const std::vector<int64_t> odd_one_out = {2, 0};
  if (world().rank() != 0 && world().rank() != 2) {
    const std::vector<int64_t> alone = {world().rank()};
    EXPECT_EQ(world().communicator(Axis::tensor, alone)->size(), 1);
    return;
  }
  const auto pair = world().communicator(Axis::tensor, odd_one_out);
  EXPECT_EQ(pair->rank(), world().rank() == 2 ? 0 : 1);
  EXPECT_EQ(pair->axis(), Axis::tensor);
  const Tensor output = empty_tensor(2 * 100, DType::f32);
  pair->all_gather(marked(world().rank(), 100, DType::f32), output, "test").wait();
  EXPECT_TRUE(same_bytes(output.slice(0, 100), marked(2, 100, DType::f32)));
  EXPECT_TRUE(same_bytes(output.slice(100, 100), marked(0, 100, DType::f32)));
}

// Half of the ranks enqueue on one axis first, the others on the other: waiting in the caller's order would block.
TEST(World, AxesDoNotWaitForEachOther) {
  const auto a = everyone(Axis::data);
  const auto b = everyone(Axis::tensor);
  const int64_t count = 700'000;
  std::vector<Tensor> tensors;
  std::vector<Event> events;
  for (int i = 0; i < 4; ++i) {
    const Tensor on_a = marked(world().rank(), count, DType::i32, i);
    const Tensor on_b = marked(world().rank(), count, DType::i32, i + 10);
    if (world().rank() % 2 == 0) {
      events.push_back(a->broadcast(on_a, 0, "test"));
      events.push_back(b->broadcast(on_b, world().size() - 1, "test"));
    } else {
      events.push_back(b->broadcast(on_b, world().size() - 1, "test"));
      events.push_back(a->broadcast(on_a, 0, "test"));
    }
    tensors.push_back(on_a);
    tensors.push_back(on_b);
  }
  for (const Event& event : events) event.wait();
  for (int i = 0; i < 4; ++i) {
    const auto at = 2 * static_cast<size_t>(i);
    EXPECT_TRUE(same_bytes(tensors[at], marked(0, count, DType::i32, i)));
    EXPECT_TRUE(same_bytes(tensors[at + 1], marked(world().size() - 1, count, DType::i32, i + 10)));
  }
}

// Each operation reads what the one before it wrote, with no wait between them.
TEST(World, OneAxisKeepsTheOrder) {
  const auto all = everyone();
  const int64_t size = all->size();
  const Tensor tensor = empty_tensor(1000 * size, DType::i64);
  const Tensor part = empty_tensor(1000, DType::i64);
  std::fill_n(tensor.data<int64_t>(), 1000 * size, int64_t{1});
  Event last;
  for (int i = 0; i < 10; ++i) {
    all->reduce_scatter(tensor, part, ReduceOp::sum, "test");
    last = all->all_gather(part, tensor, "test");
  }
  last.wait();
  int64_t expected = 1;
  for (int i = 0; i < 10; ++i) expected *= size;
  for (const int64_t value : tensor.elements<int64_t>()) ASSERT_EQ(value, expected);
}

TEST(World, TensorsLiveUntilTheOperationIsDone) {
  const auto all = everyone();
  std::vector<Event> events;
  for (int i = 0; i < 200; ++i) {
    events.push_back(all->all_reduce(marked(all->rank(), 10 + i, DType::i32, i), ReduceOp::max, "test"));
  }
  for (const Event& event : events) event.wait();
}

TEST(Traffic, IsCountedByVerbAxisAndPurpose) {
  const auto data = everyone(Axis::data);
  const auto tensor = everyone(Axis::tensor);
  const int64_t size = data->size();
  world().reset_traffic();
  const Tensor part = marked(0, 100, DType::f32);
  const Tensor whole = empty_tensor(100 * size, DType::f32);
  for (int i = 0; i < 3; ++i) data->all_reduce(part, ReduceOp::max, "gradients").wait();
  data->all_reduce(part, ReduceOp::max, "loss").wait();
  tensor->all_gather(part, whole, "activations").wait();
  tensor->barrier("end").wait();
  const std::vector<TrafficRow> rows = world().traffic();
  ASSERT_EQ(rows.size(), 4U);
  const auto check = [&](size_t row, Verb verb, Axis axis, const char* purpose, int64_t calls, int64_t bytes) {
    EXPECT_EQ(rows[row].verb, verb);
    EXPECT_EQ(rows[row].axis, axis);
    EXPECT_EQ(rows[row].purpose, purpose);
    EXPECT_EQ(rows[row].calls, calls);
    EXPECT_EQ(rows[row].bytes, bytes);
    EXPECT_GE(rows[row].seconds, 0);
  };
  check(0, Verb::all_reduce, Axis::data, "gradients", 3, 1200);
  check(1, Verb::all_reduce, Axis::data, "loss", 1, 400);
  check(2, Verb::all_gather, Axis::tensor, "activations", 1, 400 * size);
  check(3, Verb::barrier, Axis::tensor, "end", 1, 0);
  world().reset_traffic();
  EXPECT_TRUE(world().traffic().empty());
}

template <class Call>
std::string error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    return error.what();
  }
  return "no error";
}

TEST(Misuse, IsNamedBeforeAnythingIsSent) {
  const auto all = everyone();
  const int size = all->size();
  const Tensor floats = empty_tensor(10 * size, DType::f32);
  const Tensor bytes = empty_tensor(10 * size, DType::u8);
  EXPECT_EQ(error_of([&] { all->all_reduce(bytes, ReduceOp::sum, "test"); }),
            "all_reduce 1 (test) on the data axis: u8 cannot be reduced");
  EXPECT_EQ(error_of([&] { all->all_gather(floats, empty_tensor(7, DType::f32), "test"); }),
            fmt::format("all_gather 2 (test) on the data axis: input has {} elements and output 7, which does not fit "
                        "{} ranks",
                        10 * size, size));
  EXPECT_EQ(error_of([&] { all->all_to_all(floats, bytes, "test"); }),
            "all_to_all 3 (test) on the data axis: input is f32, output is u8; both must have one type");
  EXPECT_EQ(error_of([&] { all->broadcast(floats, size, "test"); }),
            fmt::format("broadcast 4 (test) on the data axis: rank {} of {} ranks", size, size));
  EXPECT_EQ(error_of([&] { all->send(floats, all->rank(), "test"); }),
            fmt::format("send 1 (test) on the data axis: rank {} is this rank itself", all->rank()));
  EXPECT_EQ(error_of([&] { all->broadcast({}, 0, "test"); }), "broadcast 5 (test) on the data axis: no tensor");
  all->barrier("test").wait();  // nothing is broken by it
}

}  // namespace
}  // namespace kumiko
