#include "kumiko/comm/reduction.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

struct BFloat16 {
  uint16_t bits;
};
struct Float16 {
  uint16_t bits;
};

// Elements combined at once: the partial results of a tree stay in the first-level cache.
constexpr int64_t block = 1024;

float widen(BFloat16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

BFloat16 narrow(float x, BFloat16) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  const uint32_t quiet_nan = (bits >> 16) | 0x40;
  return {static_cast<uint16_t>((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet_nan : rounded)};
}

// Half precision through the exponent arithmetic of f32: subnormals fall out of a multiplication by a power of two.
float widen(Float16 x) {
  const uint32_t sign = uint32_t{x.bits & 0x8000U} << 16;
  const uint32_t magnitude = uint32_t{x.bits & 0x7FFFU} << 13;
  if (magnitude >= 0x0F800000) return std::bit_cast<float>(sign | 0x7F800000 | (magnitude & 0x007FFFFF));
  const float value = std::bit_cast<float>(magnitude) * 0x1p112F;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
}

Float16 narrow(float x, Float16) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  uint32_t half = 0;
  if (magnitude > 0x7F800000) {
    half = 0x7E00;
  } else if (magnitude >= 0x477FF000) {  // rounds to 65520 or more
    half = 0x7C00;
  } else if (magnitude < 0x38800000) {  // below 2^-14: adding 0.5 leaves the subnormal's bits at the bottom
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3F000000;
  } else {
    half = (magnitude - 0x38000000 + 0xFFF + ((magnitude >> 13) & 1)) >> 13;
  }
  return {static_cast<uint16_t>(sign | half)};
}

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
      for (int64_t i = 0; i < length; ++i) to[i] = widen(from[i]);
    }
    climb(op, partial, num, length);
    auto* out = static_cast<T*>(result) + begin;
    for (int64_t i = 0; i < length; ++i) out[i] = narrow(partial[static_cast<size_t>(i)], T{});
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
