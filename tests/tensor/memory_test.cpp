#include "kumiko/tensor/memory.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

TEST(MemoryPool, CountsByPurposeWithPeaks) {
  const auto pool = MemoryPool::create();
  auto a = pool->allocate(1000, MemoryPurpose::stash);
  auto b = pool->allocate(5'000'000, MemoryPurpose::stash);
  auto c = pool->allocate(10, MemoryPurpose::gradients);
  EXPECT_EQ(pool->use(MemoryPurpose::stash).current, 5'001'000);
  EXPECT_EQ(pool->use(MemoryPurpose::gradients).current, 10);
  b.reset();
  EXPECT_EQ(pool->use(MemoryPurpose::stash).current, 1000);
  EXPECT_EQ(pool->use(MemoryPurpose::stash).peak, 5'001'000);
  EXPECT_EQ(pool->total().peak, 5'001'010);
  pool->reset_peaks();
  EXPECT_EQ(pool->use(MemoryPurpose::stash).peak, 1000);
}

TEST(MemoryPool, HandsOutTheSameBlocksAgain) {
  const auto pool = MemoryPool::create();
  for (const size_t bytes : {size_t{100}, size_t{700'000}, size_t{10'000'000}}) {
    auto block = pool->allocate(bytes, MemoryPurpose::workspace);
    void* address = block.get();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(address) % 64, 0u);
    block.reset();
    const int64_t reserved = pool->reserved();
    EXPECT_EQ(pool->allocate(bytes, MemoryPurpose::stash).get(), address);
    EXPECT_EQ(pool->reserved(), reserved);
  }
}

TEST(MemoryPool, BlocksOutliveTheHandleToThePool) {
  auto pool = MemoryPool::create();
  auto block = pool->allocate(4'000'000, MemoryPurpose::workspace);
  pool.reset();
  static_cast<char*>(block.get())[3'999'999] = 1;
}

}  // namespace
}  // namespace kumiko
