// Element types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kumiko {

enum class DType : uint8_t { f64, f32, bf16, f16, i64, i32, u16, u8 };

size_t size_of(DType dtype);

// "f32" and so on, as configuration files spell them.
std::string_view name_of(DType dtype);

// User error, listing the names, if there is no such type.
DType dtype_from_name(std::string_view name);

// The DType of a C++ type, for typed access to a tensor's elements.
template <class T>
struct DTypeOf;
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::u16;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};

}  // namespace kumiko
