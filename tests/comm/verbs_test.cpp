// Verbs that move data without changing it, on every backend and number of ranks.
#include <gtest/gtest.h>

#include "comm/values.h"

namespace kumiko {
namespace {

using test::all_dtypes;
using test::empty_tensor;
using test::everyone;
using test::marked;
using test::same_bytes;
using test::sizes;

TEST(Moving, BroadcastFromEveryRoot) {
  const auto all = everyone();
  for (int root = 0; root < all->size(); ++root) {
    for (const int64_t count : sizes) {
      const Tensor tensor = marked(all->rank(), count, DType::f32);
      all->broadcast(tensor, root, "test").wait();
      EXPECT_TRUE(same_bytes(tensor, marked(root, count, DType::f32))) << count << " from " << root;
    }
  }
}

TEST(Moving, AllGatherInRankOrder) {
  const auto all = everyone();
  for (const int64_t count : sizes) {
    const Tensor output = empty_tensor(count * all->size(), DType::f32);
    all->all_gather(marked(all->rank(), count, DType::f32), output, "test").wait();
    for (int r = 0; r < all->size(); ++r) {
      EXPECT_TRUE(same_bytes(output.slice(r * count, count), marked(r, count, DType::f32))) << count << " of " << r;
    }
  }
}

TEST(Moving, AllGatherInPlace) {
  const auto all = everyone();
  const int64_t count = 5000;
  const Tensor output = empty_tensor(count * all->size(), DType::f32);
  const Tensor own = output.slice(all->rank() * count, count);
  copy(marked(all->rank(), count, DType::f32), own);
  all->all_gather(own, output, "test").wait();
  for (int r = 0; r < all->size(); ++r) {
    EXPECT_TRUE(same_bytes(output.slice(r * count, count), marked(r, count, DType::f32))) << r;
  }
}

TEST(Moving, AllToAllExchangesParts) {
  const auto all = everyone();
  for (const int64_t count : sizes) {
    const Tensor input = marked(all->rank(), count * all->size(), DType::f32);
    const Tensor output = empty_tensor(count * all->size(), DType::f32);
    all->all_to_all(input, output, "test").wait();
    for (int r = 0; r < all->size(); ++r) {
      const Tensor theirs = marked(r, count * all->size(), DType::f32);
      EXPECT_TRUE(same_bytes(output.slice(r * count, count), theirs.slice(all->rank() * count, count))) << count;
    }
  }
}

// Every rank sends before it receives: must not block.
TEST(Moving, SendAroundARing) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "no one to send to";
  const int next = (all->rank() + 1) % all->size();
  const int previous = (all->rank() + all->size() - 1) % all->size();
  for (const int64_t count : sizes) {
    const Tensor output = empty_tensor(count, DType::f32);
    const Event sent = all->send(marked(all->rank(), count, DType::f32), next, "test");
    const Event received = all->receive(output, previous, "test");
    received.wait();
    sent.wait();
    EXPECT_TRUE(same_bytes(output, marked(previous, count, DType::f32))) << count;
  }
}

TEST(Moving, MessagesOfAPairArriveInOrder) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "no one to send to";
  std::vector<Event> events;
  std::vector<Tensor> received;
  for (int i = 0; i < 20; ++i) {
    const int64_t count = i % 3 == 0 ? 100000 : 10;  // long ones must not be overtaken by short ones
    if (all->rank() == 0) {
      events.push_back(all->send(marked(0, count, DType::f32, i), 1, "test"));
    } else if (all->rank() == 1) {
      received.push_back(empty_tensor(count, DType::f32));
      events.push_back(all->receive(received.back(), 0, "test"));
    }
  }
  for (const Event& event : events) event.wait();
  for (size_t i = 0; i < received.size(); ++i) {
    EXPECT_TRUE(same_bytes(received[i], marked(0, received[i].num_elements(), DType::f32, static_cast<int>(i)))) << i;
  }
}

TEST(Moving, EveryTypeMoves) {
  const auto all = everyone();
  for (const DType dtype : all_dtypes) {
    const Tensor output = empty_tensor(99 * all->size(), dtype);
    all->all_gather(marked(all->rank(), 99, dtype), output, "test").wait();
    for (int r = 0; r < all->size(); ++r) {
      EXPECT_TRUE(same_bytes(output.slice(r * 99, 99), marked(r, 99, dtype))) << name_of(dtype);
    }
  }
}

TEST(Moving, BarrierHoldsUntilAllHaveCome) {
  const auto all = everyone();
  for (int i = 0; i < 20; ++i) all->barrier("test").wait();
}

}  // namespace
}  // namespace kumiko
