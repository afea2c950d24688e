#include "kumiko/tensor/memory.h"

#include <sys/mman.h>

#include <algorithm>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t alignment = 64;
// Smaller blocks are carved from slabs of one huge page; larger ones are mapped by themselves, in whole huge pages.
constexpr size_t small_limit = size_t{512} << 10;

size_t round_up(size_t value, size_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Few distinct capacities, so that a block that was given back fits again: powers of two for small ones, whole huge
// pages for large ones.
size_t capacity_for(size_t bytes) {
  if (bytes > small_limit) return round_up(bytes, huge_page);
  size_t capacity = alignment;
  while (capacity < bytes) capacity *= 2;
  return capacity;
}

// Address space aligned to a huge page, which the kernel is asked to back with huge pages; null if there is none.
void* map_huge(size_t bytes) {
  const size_t reserve = bytes + huge_page;
  void* address = ::mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(address);
  const size_t skip = round_up(reinterpret_cast<uintptr_t>(begin), huge_page) - reinterpret_cast<uintptr_t>(begin);
  if (skip > 0) ::munmap(begin, skip);
  if (skip < huge_page) ::munmap(begin + skip + bytes, huge_page - skip);
  ::madvise(begin + skip, bytes, MADV_HUGEPAGE);
  return begin + skip;
}

}  // namespace

std::string_view name_of(MemoryPurpose purpose) {
  constexpr std::array<std::string_view, num_memory_purposes> names = {"parameters", "gradients", "optimizer",
                                                                       "stash",      "workspace", "communication"};
  return names[static_cast<size_t>(purpose)];
}

std::shared_ptr<MemoryPool> MemoryPool::create() { return std::shared_ptr<MemoryPool>(new MemoryPool); }

MemoryPool::~MemoryPool() {
  for (void* slab : slabs_) ::munmap(slab, huge_page);
  release_kept();
}

std::shared_ptr<void> MemoryPool::allocate(size_t bytes, MemoryPurpose purpose) {
  const size_t capacity = capacity_for(bytes);
  const std::lock_guard lock(mutex_);
  void* data = take(capacity);
  if (data == nullptr) {
    throw_environment(
        "out of memory: the system has no {} for {} beside the {} in use; use a smaller micro_batch_size "
        "or seq_length, or divide the model among more ranks (parallel.zero_stage, "
        "parallel.tensor_model_parallel_size)",
        human_bytes(static_cast<double>(bytes)), name_of(purpose), human_bytes(static_cast<double>(total_.current)));
  }
  count(purpose, static_cast<int64_t>(bytes));
  const auto give_back = [pool = shared_from_this(), capacity, bytes, purpose](void* block) {
    const std::lock_guard relock(pool->mutex_);
    pool->kept_[capacity].push_back(block);
    pool->count(purpose, -static_cast<int64_t>(bytes));
  };
  return {data, give_back};
}

// A block of exactly `capacity` bytes: a kept one, a piece of a slab, or a new mapping. Null if there is no memory.
void* MemoryPool::take(size_t capacity) {
  if (const auto found = kept_.find(capacity); found != kept_.end() && !found->second.empty()) {
    void* block = found->second.back();
    found->second.pop_back();
    return block;
  }
  if (capacity > small_limit) return map(capacity);
  if (slabs_.empty() || slab_used_ + capacity > huge_page) {
    void* slab = map(huge_page);
    if (slab == nullptr) return nullptr;
    slabs_.push_back(slab);
    slab_used_ = 0;
  }
  void* block = static_cast<char*>(slabs_.back()) + slab_used_;
  slab_used_ += capacity;
  return block;
}

void* MemoryPool::map(size_t bytes) {
  void* block = map_huge(bytes);
  if (block == nullptr && release_kept()) block = map_huge(bytes);
  if (block != nullptr) reserved_ += static_cast<int64_t>(bytes);
  return block;
}

// Returns the kept mappings (not the pieces of slabs) to the system; false if there was none.
bool MemoryPool::release_kept() {
  bool released = false;
  for (auto& [capacity, blocks] : kept_) {
    if (capacity <= small_limit) continue;
    for (void* block : blocks) ::munmap(block, capacity);
    reserved_ -= static_cast<int64_t>(capacity * blocks.size());
    released = released || !blocks.empty();
    blocks.clear();
  }
  return released;
}

void MemoryPool::count(MemoryPurpose purpose, int64_t bytes) {
  for (MemoryUse* use : {&uses_[static_cast<size_t>(purpose)], &total_}) {
    use->current += bytes;
    use->peak = std::max(use->peak, use->current);
  }
}

MemoryUse MemoryPool::use(MemoryPurpose purpose) const {
  const std::lock_guard lock(mutex_);
  return uses_[static_cast<size_t>(purpose)];
}

MemoryUse MemoryPool::total() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

int64_t MemoryPool::reserved() const {
  const std::lock_guard lock(mutex_);
  return reserved_;
}

void MemoryPool::reset_peaks() {
  const std::lock_guard lock(mutex_);
  for (MemoryUse& use : uses_) use.peak = use.current;
  total_.peak = total_.current;
}

}  // namespace kumiko
