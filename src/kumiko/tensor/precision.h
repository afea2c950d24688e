// What a user calls the type of activations.
#pragma once

#include <string_view>

#include "kumiko/tensor/dtype.h"

namespace kumiko {

// What activations and their gradients are computed in. Parameters and optimizer state are fp32 in any case.
enum class Precision : uint8_t { fp32, bf16, fp16 };

constexpr DType dtype_of(Precision precision) {
  return precision == Precision::fp32 ? DType::f32 : precision == Precision::bf16 ? DType::bf16 : DType::f16;
}
constexpr std::string_view name_of(Precision precision) {
  return precision == Precision::fp32 ? "fp32" : precision == Precision::bf16 ? "bf16" : "fp16";
}

}  // namespace kumiko
