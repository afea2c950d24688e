// Memory from one pool, faulted once, in huge pages, counted by purpose.
//
// A first touch of 4 KiB pages runs ten times slower than one of 2 MiB pages, and a training step asks for the same
// sizes again and again: so blocks are kept when they are given back, and handed out again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace kumiko {

// What memory is for. The accounting, the start-up summary and the planner use these words.
enum class MemoryPurpose : uint8_t { parameters, gradients, optimizer, stash, workspace, communication, checkpoint };
inline constexpr int num_memory_purposes = 7;
std::string_view name_of(MemoryPurpose purpose);

struct MemoryUse {
  int64_t current = 0;  // bytes handed out now
  int64_t peak = 0;     // the most at any moment
};

// Host memory. Thread-safe. Blocks hold the pool alive.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  static std::shared_ptr<MemoryPool> create();
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // Uninitialised, 64-byte aligned; given back when the last owner lets go. Environment error, naming the size and the
  // purpose, if the system has no more.
  std::shared_ptr<void> allocate(size_t bytes, MemoryPurpose purpose);

  MemoryUse use(MemoryPurpose purpose) const;
  MemoryUse total() const;
  // Bytes held from the system, handed out or kept for reuse.
  int64_t reserved() const;
  // Peaks start again from the present use.
  void reset_peaks();

 private:
  MemoryPool() = default;
  void* take(size_t capacity);
  void* map(size_t bytes);
  bool release_kept();
  void count(MemoryPurpose purpose, int64_t bytes);

  mutable std::mutex mutex_;
  std::array<MemoryUse, num_memory_purposes> uses_{};
  MemoryUse total_;
  int64_t reserved_ = 0;
  std::map<size_t, std::vector<void*>> kept_;  // free blocks by capacity
  std::vector<void*> slabs_;                   // huge pages that small blocks are carved from
  size_t slab_used_ = 0;
};

}  // namespace kumiko
