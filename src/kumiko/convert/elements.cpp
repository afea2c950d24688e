#include "kumiko/convert/elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kumiko/base/error.h"
#include "kumiko/tensor/half.h"

namespace kumiko {
namespace {

template <class Half>
void widen_half(const std::byte* source, std::span<float> destination) {
  for (size_t i = 0; i < destination.size(); ++i) {
    Half value;
    std::memcpy(&value.bits, source + i * sizeof(value.bits), sizeof(value.bits));
    destination[i] = static_cast<float>(value);
  }
}

template <class Half>
void narrow_to_half(std::span<const float> source, std::byte* destination, std::string_view name) {
  for (size_t i = 0; i < source.size(); ++i) {
    const Half value(source[i]);
    if (std::isinf(static_cast<float>(value)) && !std::isinf(source[i])) {
      throw_user("the tensor {} has an element {}, which is beyond the range of {}; export as bfloat16 or float32",
                 name, source[i], name_of(DTypeOf<Half>::value));
    }
    std::memcpy(destination + i * sizeof(value.bits), &value.bits, sizeof(value.bits));
  }
}

template <class Word>
void transpose_words(const std::byte* source, int64_t source_stride, int64_t rows, int64_t columns,
                     std::byte* destination, int64_t destination_stride) {
  constexpr int64_t tile = 32;  // both sides of a tile stay in the first-level cache
  constexpr auto size = static_cast<int64_t>(sizeof(Word));
  for (int64_t row0 = 0; row0 < rows; row0 += tile) {
    for (int64_t column0 = 0; column0 < columns; column0 += tile) {
      for (int64_t row = row0; row < std::min(rows, row0 + tile); ++row) {
        for (int64_t column = column0; column < std::min(columns, column0 + tile); ++column) {
          std::memcpy(destination + (column * destination_stride + row) * size,
                      source + (row * source_stride + column) * size, sizeof(Word));
        }
      }
    }
  }
}

}  // namespace

void widen(DType from, const std::byte* source, std::span<float> destination) {
  switch (from) {
    case DType::f32:
      std::memcpy(destination.data(), source, destination.size_bytes());
      return;
    case DType::bf16:
      return widen_half<BFloat16>(source, destination);
    case DType::f16:
      return widen_half<Float16>(source, destination);
    default:
      throw_internal("{} elements cannot be widened", name_of(from));
  }
}

void narrow(std::span<const float> source, DType to, std::byte* destination, std::string_view name) {
  switch (to) {
    case DType::f32:
      std::memcpy(destination, source.data(), source.size_bytes());
      return;
    case DType::bf16:
      return narrow_to_half<BFloat16>(source, destination, name);
    case DType::f16:
      return narrow_to_half<Float16>(source, destination, name);
    default:
      throw_internal("elements cannot be narrowed to {}", name_of(to));
  }
}

void transpose(const std::byte* source, int64_t source_stride, int64_t rows, int64_t columns, std::byte* destination,
               int64_t destination_stride, size_t element_size) {
  const auto words = element_size == 2 ? transpose_words<uint16_t> : transpose_words<uint32_t>;
  words(source, source_stride, rows, columns, destination, destination_stride);
}

}  // namespace kumiko
