#include "kumiko/data/numpy_random.h"

#include <array>
#include <bit>
#include <limits>

#include "kumiko/base/error.h"

namespace kumiko {

static uint32_t checked_seed(int64_t seed) {
  if (seed < 0 || seed > std::numeric_limits<uint32_t>::max()) {
    throw_user("data seed {}: expected a whole number from 0 to 4294967295 (2^32 - 1)", seed);
  }
  return static_cast<uint32_t>(seed);
}

NumpyRandomState::NumpyRandomState(int64_t seed) : engine_(checked_seed(seed)) {}

uint64_t NumpyRandomState::interval(uint64_t max) {
  if (max == 0) return 0;
  const uint64_t mask = std::numeric_limits<uint64_t>::max() >> std::countl_zero(max);
  uint64_t value = 0;
  do {
    value = engine_();
    if (max > std::numeric_limits<uint32_t>::max()) value = value << 32 | engine_();
    value &= mask;
  } while (value > max);
  return value;
}

double numpy_sum(std::span<const double> values) {
  const size_t size = values.size();
  if (size > 128) {
    const size_t half = size / 2 - size / 2 % 8;
    return numpy_sum(values.first(half)) + numpy_sum(values.subspan(half));
  }
  double sum = 0;
  size_t i = 0;
  if (size >= 8) {
    std::array<double, 8> partial{};
    for (; i + 8 <= size; i += 8) {
      for (size_t lane = 0; lane < 8; ++lane) partial[lane] += values[i + lane];
    }
    sum = ((partial[0] + partial[1]) + (partial[2] + partial[3])) +
          ((partial[4] + partial[5]) + (partial[6] + partial[7]));
  }
  for (; i < size; ++i) sum += values[i];
  return sum;
}

}  // namespace kumiko
