// Elements on their way from one type, order or file to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kumiko/tensor/dtype.h"

namespace kumiko {

// How many elements are converted at once: what bounds the memory of a conversion, whatever the size of the tensors.
inline constexpr int64_t default_block_elements = int64_t{8} << 20;

// f32, bf16 or f16 elements, at any byte address, as f32. Exact.
void widen(DType from, const std::byte* source, std::span<float> destination);

// The inverse, to nearest, ties to even. User error, naming the tensor `name` and the value, if a finite value
// would become infinite.
void narrow(std::span<const float> source, DType to, std::byte* destination, std::string_view name);

// A matrix of `rows` x `columns` elements of 2 or 4 bytes to its transpose. The rows of each begin as many elements
// apart as its stride says.
void transpose(const std::byte* source, int64_t source_stride, int64_t rows, int64_t columns, std::byte* destination,
               int64_t destination_stride, size_t element_size);

}  // namespace kumiko
