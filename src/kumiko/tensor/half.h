// The 16-bit floating types: storage only; arithmetic is done in float.
#pragma once

#include <bit>
#include <cstdint>

#include "kumiko/tensor/dtype.h"

namespace kumiko {

// The upper half of a float: 8 bits of exponent, 7 of fraction.
struct BFloat16 {
  uint16_t bits = 0;

  BFloat16() = default;
  // Rounds to nearest, ties to even; NaN stays NaN.
  explicit BFloat16(float value) {
    const auto word = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (word + 0x7fffU + (word >> 16 & 1U)) >> 16;
    const uint32_t quiet_nan = word >> 16 | 0x40U;
    bits = static_cast<uint16_t>((word & 0x7fffffffU) > 0x7f800000U ? quiet_nan : rounded);
  }
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
  friend bool operator==(BFloat16, BFloat16) = default;
};

// IEEE 754 binary16: 5 bits of exponent, 10 of fraction; at most 65504.
struct Float16 {
  uint16_t bits = 0;

  Float16() = default;
  // Rounds to nearest, ties to even; 65520 and more to infinity; NaN stays NaN.
  explicit Float16(float value) {
    const auto word = std::bit_cast<uint32_t>(value);
    const uint32_t magnitude = word & 0x7fffffffU;
    uint32_t half = 0;
    if (magnitude > 0x7f800000U) {
      half = 0x7e00U;
    } else if (magnitude >= 0x477ff000U) {  // rounds to 65520 or more
      half = 0x7c00U;
    } else if (magnitude < 0x38800000U) {  // below 2^-14: adding 0.5 leaves the subnormal's bits at the bottom
      half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
    } else {
      half = (magnitude - 0x38000000U + 0xfffU + (magnitude >> 13 & 1U)) >> 13;
    }
    bits = static_cast<uint16_t>((word >> 16 & 0x8000U) | half);
  }
  // Through the exponent arithmetic of float: subnormals fall out of a multiplication by a power of two.
  explicit operator float() const {
    const uint32_t sign = uint32_t{bits & 0x8000U} << 16;
    const uint32_t magnitude = uint32_t{bits & 0x7fffU} << 13;
    if (magnitude >= 0x0f800000U) return std::bit_cast<float>(sign | 0x7f800000U | (magnitude & 0x007fffffU));
    const float value = std::bit_cast<float>(magnitude) * 0x1p112F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  friend bool operator==(Float16, Float16) = default;
};

template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<Float16> {
  static constexpr DType value = DType::f16;
};

}  // namespace kumiko
