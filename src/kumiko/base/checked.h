// Sizes that people give multiply without a word to numbers that no int64_t holds: this says so instead.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace kumiko {

// The product of `factors`, none of them negative; nothing if it is 2^63 or more.
inline std::optional<int64_t> checked_product(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return std::nullopt;
  }
  return product;
}

}  // namespace kumiko
