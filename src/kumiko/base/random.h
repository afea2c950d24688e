// Counter-based random numbers: the value depends only on (key, counter), never on who asks or in which order, so
// every layout of a model draws the same numbers.
#pragma once

#include <array>
#include <cstdint>

namespace kumiko {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

// Independent streams of one seed: what the numbers are for, and a number that tells its users apart (a parameter, a
// layer, a training step).
enum class RandomStream : uint32_t { initialization = 1, dropout = 2, sampling = 3, test = 4 };

PhiloxKey random_key(uint64_t seed, RandomStream stream, uint64_t index);

// The index-th pair of a stream's numbers: 64 random bits, uniform in [0, 1) with 53 bits, standard normal.
uint64_t random_bits(PhiloxKey key, uint64_t index);
double random_uniform(PhiloxKey key, uint64_t index);
double random_normal(PhiloxKey key, uint64_t index);

}  // namespace kumiko
