// Choosing a kernel's code by the element type of its activations.
#pragma once

#include "kumiko/base/error.h"
#include "kumiko/tensor/half.h"

namespace kumiko::cpu {

// Calls function(Element{}) with the C++ type of `dtype`.
template <class Function>
auto with_element(DType dtype, const Function& function) {
  if (dtype == DType::f32) return function(float{});
  if (dtype == DType::bf16) return function(BFloat16{});
  if (dtype == DType::f16) return function(Float16{});
  throw_internal("the CPU kernels know f32, bf16 and f16, not {}", name_of(dtype));
}

}  // namespace kumiko::cpu
