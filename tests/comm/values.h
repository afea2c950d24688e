// Tensors whose every element says where it came from.
#pragma once

#include <cstdint>
#include <cstring>

#include "kumiko/tensor/tensor.h"
#include "support/world.h"

namespace kumiko::test {

// Random bits of rank, position and a salt that tells operations apart (splitmix64, since the tests make millions).
inline uint64_t mark(int rank, int64_t index, int salt) {
  uint64_t x = static_cast<uint64_t>(index) + (static_cast<uint64_t>(rank) << 40) + (static_cast<uint64_t>(salt) << 50);
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

inline Tensor empty_tensor(int64_t count, DType dtype) {
  return Tensor::empty(pool(), Shape{count}, dtype, MemoryPurpose::communication);
}

// Random bytes.
inline Tensor marked(int rank, int64_t count, DType dtype, int salt = 0) {
  Tensor tensor = empty_tensor(count, dtype);
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t value = mark(rank, i, salt);
    std::memcpy(static_cast<char*>(tensor.raw()) + static_cast<size_t>(i) * size_of(dtype), &value, size_of(dtype));
  }
  return tensor;
}

inline bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.num_bytes() == b.num_bytes() && (a.num_bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.num_bytes()) == 0);
}

// Nothing, one element, fewer than ranks, odd, and so many that two parts of f32 are more than one piece of 4 MiB.
inline constexpr int64_t sizes[] = {0, 1, 2, 3, 7, 1000, 4099, 600'001};
inline constexpr DType all_dtypes[] = {DType::f64, DType::f32, DType::bf16, DType::f16,
                                       DType::i64, DType::i32, DType::u16,  DType::u8};

}  // namespace kumiko::test
