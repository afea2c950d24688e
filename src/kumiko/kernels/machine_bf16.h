// The rate of the CPU's own bf16 dot products, where it has them.
#pragma once

#include <cstdint>

namespace kumiko {

bool has_bf16_instructions();

// Dot products in registers alone, if the CPU has instructions for them; returns flop. `result` keeps the work from
// being removed.
double bf16_dot_products(int64_t iterations, float seed, float* result);

}  // namespace kumiko
