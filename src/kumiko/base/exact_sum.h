// Sums without rounding: whatever the order of the terms, and however they are spread over threads and ranks, the same
// bits. A fixed-point number wide enough for every double, in words of 64 bits of which 32 are digits and the rest is
// room for carries: the "small superaccumulator" of Neal 2015, "Fast exact summation using small and large
// superaccumulators", arXiv 1505.05571, section 2.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace kumiko {

class ExactSum {
 public:
  // 66 words of digits (2^-1074 to the largest double), one more for the sum of many of those, and the numbers of
  // +infinity, -infinity and NaN.
  static constexpr int num_digits = 67;
  static constexpr int num_words = num_digits + 3;

  void add(double value);
  void add(const ExactSum& other);
  // The squares of all values, exactly: several times faster than one by one.
  void add_squares(std::span<const float> values);

  // The sum, rounded once, to nearest; what IEEE says of infinities and NaN.
  double value() const;

  // For sums over ranks: word by word, of up to 2^30 ranks.
  std::array<int64_t, num_words> words() const;
  static ExactSum from_words(std::span<const int64_t, num_words> words);

 private:
  enum Special : uint8_t { positive_infinity = num_digits, negative_infinity, not_a_number };

  // Adds +- magnitude 2^(position - 1074).
  void add_scaled(uint64_t magnitude, int position, bool negative);
  void add_special(double value);
  void carry();

  std::array<int64_t, num_words> words_{};
  int additions_ = 0;  // since the last carry
};

}  // namespace kumiko
