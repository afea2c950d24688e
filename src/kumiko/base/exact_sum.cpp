#include "kumiko/base/exact_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace kumiko {
namespace {

constexpr int digit_bits = 32;
constexpr int64_t digit_mask = (int64_t{1} << digit_bits) - 1;
// Each adds less than 2^33 to a word of digits, so that words stay far below 2^63.
constexpr int most_additions = 1 << 24;

// Of squares: values with the same exponent share a bin, where the squares of their 24-bit significands are integers
// below 2^48. Several sets of bins, as one addition to a bin would wait for the one before.
constexpr int num_bins = 256;
constexpr int num_sets = 4;
constexpr size_t most_in_a_bin = (size_t{1} << 16) - 1;
constexpr uint32_t infinite_exponent = 255;

struct SquareBins {
  std::array<std::array<uint64_t, num_bins>, num_sets> sets{};

  void add(float value, size_t set) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t exponent = bits >> 23 & 0xff;
    const uint64_t significand = (bits & 0x7fffff) | (exponent == 0 ? 0U : 1U << 23);
    sets[set][exponent] += significand * significand;
  }
};

}  // namespace

void ExactSum::add_scaled(uint64_t magnitude, int position, bool negative) {
  const auto word = static_cast<size_t>(position / digit_bits);
  const int shift = position % digit_bits;
  const uint64_t low = (magnitude & digit_mask) << shift;
  const uint64_t high = (magnitude >> digit_bits) << shift;
  const std::array<uint64_t, 3> digits = {low & digit_mask, (low >> digit_bits) + (high & digit_mask),
                                          high >> digit_bits};
  for (size_t i = 0; i < digits.size(); ++i) {
    const auto digit = static_cast<int64_t>(digits[i]);
    words_[word + i] += negative ? -digit : digit;
  }
  if (++additions_ == most_additions) carry();
}

void ExactSum::add_special(double value) {
  ++words_[std::isnan(value) ? not_a_number : value > 0 ? positive_infinity : negative_infinity];
}

void ExactSum::add(double value) {
  if (!std::isfinite(value)) return add_special(value);
  const auto bits = std::bit_cast<uint64_t>(value);
  const auto exponent = static_cast<int>(bits >> 52 & 0x7ff);
  const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
  if (exponent == 0) return add_scaled(fraction, 0, value < 0);
  add_scaled(fraction | uint64_t{1} << 52, exponent - 1, value < 0);
}

void ExactSum::add_squares(std::span<const float> values) {
  constexpr size_t most = num_sets * most_in_a_bin;
  for (; values.size() > most; values = values.subspan(most)) add_squares(values.first(most));
  SquareBins bins;
  size_t i = 0;
  for (; i + num_sets <= values.size(); i += num_sets) {
    for (size_t set = 0; set < num_sets; ++set) bins.add(values[i + set], set);
  }
  for (; i < values.size(); ++i) bins.add(values[i], i % num_sets);
  uint64_t special = 0;
  for (const auto& set : bins.sets) {
    special |= set[infinite_exponent];
    for (uint32_t exponent = 0; exponent < infinite_exponent; ++exponent) {
      if (set[exponent] == 0) continue;
      // The last bit of a significand is 2^(exponent - 150), and of a subnormal one 2^-149.
      const int last_bit = exponent == 0 ? -149 : static_cast<int>(exponent) - 150;
      add_scaled(set[exponent], 2 * last_bit + 1074, false);
    }
  }
  if (special == 0) return;
  for (const float value : values) {
    if (!std::isfinite(value)) add_special(double{value} * value);
  }
}

void ExactSum::add(const ExactSum& other) {
  const auto more = other.words();
  carry();
  for (size_t i = 0; i < num_words; ++i) words_[i] += more[i];
  carry();
}

// Leaves 0 to 2^32 - 1 in every word of digits but the highest, which has the sign: one form for each sum.
void ExactSum::carry() {
  for (size_t i = 0; i + 1 < num_digits; ++i) {
    words_[i + 1] += words_[i] >> digit_bits;
    words_[i] &= digit_mask;
  }
  additions_ = 0;
}

std::array<int64_t, ExactSum::num_words> ExactSum::words() const {
  ExactSum carried = *this;
  carried.carry();
  return carried.words_;
}

ExactSum ExactSum::from_words(std::span<const int64_t, num_words> words) {
  ExactSum sum;
  std::copy(words.begin(), words.end(), sum.words_.begin());
  sum.carry();
  return sum;
}

double ExactSum::value() const {
  const auto count = [&](Special special) { return words_[special]; };
  const bool both = count(positive_infinity) > 0 && count(negative_infinity) > 0;
  if (count(not_a_number) > 0 || both) return std::numeric_limits<double>::quiet_NaN();
  if (count(positive_infinity) > 0) return std::numeric_limits<double>::infinity();
  if (count(negative_infinity) > 0) return -std::numeric_limits<double>::infinity();

  ExactSum magnitude = *this;
  magnitude.carry();
  const bool negative = magnitude.words_[num_digits - 1] < 0;
  if (negative) {
    for (size_t i = 0; i < num_digits; ++i) magnitude.words_[i] = -magnitude.words_[i];
    magnitude.carry();
  }
  int top = num_digits - 1;
  while (top > 0 && magnitude.words_[static_cast<size_t>(top)] == 0) --top;
  const auto digits = [&](int word) {
    return word < 0 ? uint64_t{0} : static_cast<uint64_t>(magnitude.words_[static_cast<size_t>(word)]);
  };
  // The 64 highest bits; what lies below them can only break a tie, as the last one of them.
  uint64_t bits = digits(top) << digit_bits | digits(top - 1);
  if (bits == 0) return 0;
  const int shift = std::countl_zero(bits);
  const uint64_t next = digits(top - 2) << shift;
  bits = bits << shift | next >> digit_bits;
  bool rest = (next & digit_mask) != 0;
  for (int word = top - 3; word >= 0; --word) rest |= digits(word) != 0;
  const double rounded =
      std::ldexp(static_cast<double>(bits | (rest ? 1U : 0U)), digit_bits * (top - 1) - shift - 1074);
  return negative ? -rounded : rounded;
}

}  // namespace kumiko
