// Standard normal numbers in bulk: what fills a model's weights.
#pragma once

#include <cstdint>
#include <span>

#include "kumiko/base/random.h"

namespace kumiko {

// values[i] = the (first + i)-th standard normal number of the stream `key`. Box and Muller's transform of Philox
// words, in single precision with additions, products, a quotient and a root only: the same bits on every machine. No
// larger than 6.7 in size. One thread.
void random_normals(PhiloxKey key, uint64_t first, std::span<float> values);

}  // namespace kumiko
