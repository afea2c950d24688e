#include "kumiko/model/rotary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kumiko {
namespace {

// Llama 3.1's rule as it is published, by wavelengths.
double published_rule(double frequency, const ModelOptions& options) {
  const double wavelength = 2 * M_PI / frequency;
  const auto original = static_cast<double>(options.rope_original_max_position_embeddings);
  if (wavelength > original / options.rope_low_freq_factor) return frequency / options.rope_scaling_factor;
  if (wavelength < original / options.rope_high_freq_factor) return frequency;
  const double smooth = (original / wavelength - options.rope_low_freq_factor) /
                        (options.rope_high_freq_factor - options.rope_low_freq_factor);
  return (1 - smooth) * frequency / options.rope_scaling_factor + smooth * frequency;
}

TEST(RotaryFrequencies, ScaleAsPublished) {
  ModelOptions options;
  options.kv_channels = 128;
  options.rotary_base = 500000;
  const std::vector<double> plain = rotary_frequencies(options);
  options.use_rope_scaling = true;
  const std::vector<double> scaled = rotary_frequencies(options);
  ASSERT_EQ(plain.size(), 64U);
  EXPECT_EQ(plain[0], 1);
  EXPECT_NEAR(plain[63], std::pow(500000, -126.0 / 128), 1e-20);
  int changed = 0;
  for (size_t i = 0; i < plain.size(); ++i) {
    EXPECT_NEAR(scaled[i], published_rule(plain[i], options), 1e-15 * plain[i]) << i;
    changed += scaled[i] != plain[i] ? 1 : 0;
  }
  // 500000^(-d/64) makes fewer than 4 turns in 8192 positions from d = 28.2 on: 29 to 63.
  EXPECT_EQ(changed, 35);
}

}  // namespace
}  // namespace kumiko
