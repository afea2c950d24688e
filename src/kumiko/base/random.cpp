#include "kumiko/base/random.h"

#include <cmath>
#include <numbers>

namespace kumiko {

PhiloxKey random_key(uint64_t seed, RandomStream stream, uint64_t index) {
  // One Philox evaluation spreads (seed, stream, index) over the key space.
  const PhiloxCounter mixed = philox(
      {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), static_cast<uint32_t>(stream), 0x6b756d69},
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return {mixed[0], mixed[1]};
}

static PhiloxCounter numbers_at(PhiloxKey key, uint64_t index) {
  return philox({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0}, key);
}

uint64_t random_bits(PhiloxKey key, uint64_t index) {
  const PhiloxCounter r = numbers_at(key, index);
  return uint64_t{r[1]} << 32 | r[0];
}

double random_uniform(PhiloxKey key, uint64_t index) {
  return static_cast<double>(random_bits(key, index) >> 11) * 0x1p-53;
}

double random_normal(PhiloxKey key, uint64_t index) {
  const PhiloxCounter r = numbers_at(key, index);
  const double u = (static_cast<double>((uint64_t{r[1]} << 32 | r[0]) >> 11) + 0.5) * 0x1p-53;
  const double v = static_cast<double>((uint64_t{r[3]} << 32 | r[2]) >> 11) * 0x1p-53;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

}  // namespace kumiko
