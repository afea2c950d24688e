#include "kumiko/comm/reduction.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/tensor/half.h"

namespace kumiko {
namespace {

// Elements combined at once: the partial results of a tree stay in the first-level cache.
constexpr int64_t block = 1024;

template <class T>
T maximum(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a) return a;  // NaN
    if (b != b) return b;
  }
  return a < b ? b : a;
}

template <class T>
void combine(ReduceOp op, const T* a, const T* b, T* result, int64_t count) {
  if (op == ReduceOp::sum) {
    for (int64_t i = 0; i < count; ++i) {
      if constexpr (std::is_integral_v<T>) {  // wraps around, as the hardware does
        result[i] =
            static_cast<T>(static_cast<std::make_unsigned_t<T>>(a[i]) + static_cast<std::make_unsigned_t<T>>(b[i]));
      } else {
        result[i] = a[i] + b[i];
      }
    }
  } else {
    for (int64_t i = 0; i < count; ++i) result[i] = maximum(a[i], b[i]);
  }
}

// The tree over rows of `partial` (num x block), leaving its top in row 0.
template <class T>
void climb(ReduceOp op, std::vector<T>& partial, int64_t num, int64_t count) {
  for (int64_t distance = 1; distance < num; distance *= 2) {
    for (int64_t r = 0; r + distance < num; r += 2 * distance) {
      T* into = partial.data() + r * block;
      combine<T>(op, into, into + distance * block, into, count);
    }
  }
}

template <class T>
void reduce_plain(ReduceOp op, std::span<const void* const> contributions, void* result, int64_t count) {
  const auto num = static_cast<int64_t>(contributions.size());
  auto* out = static_cast<T*>(result);
  if (num <= 2) {
    const auto* first = static_cast<const T*>(contributions[0]);
    if (num == 2) return combine<T>(op, first, static_cast<const T*>(contributions[1]), out, count);
    if (out != first) std::memcpy(out, first, static_cast<size_t>(count) * sizeof(T));
    return;
  }
  std::vector<T> partial(static_cast<size_t>(num * block));
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t length = std::min(block, count - begin);
    for (int64_t r = 0; r < num; ++r) {
      const auto* from = static_cast<const T*>(contributions[static_cast<size_t>(r)]) + begin;
      std::copy_n(from, length, partial.data() + r * block);
    }
    climb(op, partial, num, length);
    std::copy_n(partial.data(), length, out + begin);
  }
}

template <class T>
void reduce_widened(ReduceOp op, std::span<const void* const> contributions, void* result, int64_t count) {
  const auto num = static_cast<int64_t>(contributions.size());
  std::vector<float> partial(static_cast<size_t>(num * block));
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t length = std::min(block, count - begin);
    for (int64_t r = 0; r < num; ++r) {
      const auto* from = static_cast<const T*>(contributions[static_cast<size_t>(r)]) + begin;
      float* to = partial.data() + r * block;
      for (int64_t i = 0; i < length; ++i) to[i] = static_cast<float>(from[i]);
    }
    climb(op, partial, num, length);
    auto* out = static_cast<T*>(result) + begin;
    for (int64_t i = 0; i < length; ++i) out[i] = T(partial[static_cast<size_t>(i)]);
  }
}

}  // namespace

void reduce_tree(DType dtype, ReduceOp op, std::span<const void* const> contributions, void* result, int64_t count) {
  switch (dtype) {
    case DType::f64:
      return reduce_plain<double>(op, contributions, result, count);
    case DType::f32:
      return reduce_plain<float>(op, contributions, result, count);
    case DType::bf16:
      return reduce_widened<BFloat16>(op, contributions, result, count);
    case DType::f16:
      return reduce_widened<Float16>(op, contributions, result, count);
    case DType::i64:
      return reduce_plain<int64_t>(op, contributions, result, count);
    case DType::i32:
      return reduce_plain<int32_t>(op, contributions, result, count);
    case DType::u16:
    case DType::u8:
      break;
  }
  throw_internal("{} cannot be reduced", name_of(dtype));
}

void reduce_pair(DType dtype, ReduceOp op, void* into, const void* from, int64_t count) {
  if (size_of(dtype) == 2) throw_internal("{} has no partial sums", name_of(dtype));
  const std::array<const void*, 2> pair = {into, from};
  reduce_tree(dtype, op, pair, into, count);
}

}  // namespace kumiko
