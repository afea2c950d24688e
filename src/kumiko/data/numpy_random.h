// NumPy's legacy generator, to the bit: numpy.random.RandomState seeds a 32-bit Mersenne Twister and shuffles with it.
// Megatron orders its training samples with it, so the same seed must give the same order here.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>

namespace kumiko {

class NumpyRandomState {
 public:
  // As numpy.random.RandomState(seed). User error unless 0 <= seed < 2^32.
  explicit NumpyRandomState(int64_t seed);

  // A whole number in [0, max]: the smallest mask 2^k - 1 >= max is put on each draw, and draws above max are rejected.
  uint64_t interval(uint64_t max);

  // RandomState.shuffle of a one-dimensional array: Fisher-Yates from the end.
  template <class T>
  void shuffle(std::span<T> values) {
    for (size_t i = values.size(); i-- > 1;) std::swap(values[i], values[interval(i)]);
  }

 private:
  std::mt19937 engine_;
};

// numpy.sum of doubles: pairwise summation in blocks of at most 128 with eight partial sums. Normalised weights depend
// on its rounding in the last bit.
double numpy_sum(std::span<const double> values);

}  // namespace kumiko
