// Plain loops over short arrays, each of which the compiler turns into vector code. Contraction to fused products is
// off for this file (CMakeLists.txt), for it would give other bits on machines that have them.
#include "kumiko/base/random_normals.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

namespace kumiko {
namespace {

// One Philox block gives four words, of which two pairs make two normal numbers each.
constexpr size_t most_blocks = 256;
template <class T>
using Lanes = std::array<T, most_blocks>;

// words[w][i] is word w of block first + i.
void philox_words(PhiloxKey key, uint64_t first, uint32_t num_blocks, std::array<Lanes<uint32_t>, 4>& words) {
  const auto low = static_cast<uint32_t>(first);
  const auto high = static_cast<uint32_t>(first >> 32);
  for (uint32_t i = 0; i < num_blocks; ++i) {
    const uint32_t sum = low + i;
    const PhiloxCounter block = philox({sum, high + (sum < low ? 1U : 0U), 0, 0}, key);
    words[0][i] = block[0];
    words[1][i] = block[1];
    words[2][i] = block[2];
    words[3][i] = block[3];
  }
}

// sqrt(-2 ln u) for u = (w / 2 + 1/2) / 2^31 in (0, 1].
float radius_of(uint32_t word) {
  const float u = (static_cast<float>(static_cast<int32_t>(word >> 1)) + 0.5F) * 0x1p-31F;
  // u = 2^exponent m with m in [sqrt(1/2), sqrt(2)).
  constexpr uint32_t sqrt_half = 0x3f3504f3;
  const uint32_t shifted = std::bit_cast<uint32_t>(u) - sqrt_half;
  const int32_t exponent = static_cast<int32_t>(shifted) >> 23;
  const float m = std::bit_cast<float>((shifted & 0x7fffff) + sqrt_half);
  // ln m = 2 artanh s; the first power left out is below 2e-9.
  const float s = (m - 1) / (m + 1);
  const float z = s * s;
  const float artanh = s + s * z * (1.0F / 3 + z * (1.0F / 5 + z * (1.0F / 7 + z * (1.0F / 9))));
  const float ln = 2 * artanh + static_cast<float>(exponent) * std::numbers::ln2_v<float>;
  return std::sqrt(std::max(0.0F, -2 * ln));
}

struct Point {
  float x, y;
};

// A point of the circle of this radius: the word's two highest bits are the quadrant, the others the angle within.
Point point_of(float radius, uint32_t word) {
  const uint32_t quadrant = word >> 30;
  const float fraction = static_cast<float>(static_cast<int32_t>(word & 0x3fffffff)) * 0x1p-30F - 0.5F;
  const float t = fraction * (std::numbers::pi_v<float> / 2);
  const float z = t * t;
  // Taylor's series on [-pi/4, pi/4], cut below 2e-9.
  const float sine = t * (1 + z * (-1.0F / 6 + z * (1.0F / 120 + z * (-1.0F / 5040 + z * (1.0F / 362880)))));
  const float cosine =
      1 + z * (-1.0F / 2 + z * (1.0F / 24 + z * (-1.0F / 720 + z * (1.0F / 40320 + z * (-1.0F / 3628800)))));
  const uint32_t swapped = 0U - (quadrant & 1);  // all bits
  const auto sine_bits = std::bit_cast<uint32_t>(radius * sine);
  const auto cosine_bits = std::bit_cast<uint32_t>(radius * cosine);
  const uint32_t x = (cosine_bits & ~swapped) | (sine_bits & swapped);
  const uint32_t y = (sine_bits & ~swapped) | (cosine_bits & swapped);
  return {std::bit_cast<float>(x ^ ((quadrant + 1) << 30 & 0x80000000U)),
          std::bit_cast<float>(y ^ (quadrant << 30 & 0x80000000U))};
}

// The four numbers of each block; at most most_blocks of them.
void normals_of_blocks(PhiloxKey key, uint64_t first_block, size_t num_blocks, float* values) {
  std::array<Lanes<uint32_t>, 4> words;
  philox_words(key, first_block, static_cast<uint32_t>(num_blocks), words);
  std::array<Lanes<float>, 4> normals;
  for (size_t pair = 0; pair < 4; pair += 2) {
    for (size_t i = 0; i < num_blocks; ++i) {
      const Point point = point_of(radius_of(words[pair][i]), words[pair + 1][i]);
      normals[pair][i] = point.x;
      normals[pair + 1][i] = point.y;
    }
  }
  for (size_t i = 0; i < num_blocks; ++i) {
    for (size_t word = 0; word < 4; ++word) values[4 * i + word] = normals[word][i];
  }
}

}  // namespace

void random_normals(PhiloxKey key, uint64_t first, std::span<float> values) {
  std::array<float, 4 * most_blocks> chunk;
  size_t done = 0;
  while (done < values.size()) {
    const uint64_t block = (first + done) / 4;
    const size_t skip = (first + done) % 4;
    const size_t count = std::min(4 * most_blocks - skip, values.size() - done);
    normals_of_blocks(key, block, (skip + count + 3) / 4, chunk.data());
    std::copy_n(chunk.data() + skip, count, values.data() + done);
    done += count;
  }
}

}  // namespace kumiko
