#include "kumiko/generate/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Probabilities .5, .25, .125, .125 for tokens 2, 0, 1, 3.
const std::vector<float> logits = {std::log(2.0f), 0, std::log(4.0f), 0};

const std::vector<uint8_t> all = {1, 1, 1, 1};

std::map<int32_t, double> frequencies(const SamplingOptions& options) {
  constexpr int count = 1000;
  std::map<int32_t, double> frequency;
  for (int i = 0; i < count; ++i) frequency[sample_token(logits, all, options, (i + 0.5) / count)] += 1.0 / count;
  return frequency;
}

TEST(SampleToken, FollowsTheProbabilities) {
  auto frequency = frequencies({});
  EXPECT_NEAR(frequency[2], 0.5, 1e-9);
  EXPECT_NEAR(frequency[0], 0.25, 1e-9);
  EXPECT_NEAR(frequency[1], 0.125, 1e-9);
  EXPECT_NEAR(frequency[3], 0.125, 1e-9);
}

TEST(SampleToken, TemperatureSharpens) {
  SamplingOptions options;
  options.temperature = 0.5;  // squares the ratios: 16 4 1 1
  auto frequency = frequencies(options);
  EXPECT_NEAR(frequency[2], 16.0 / 22, 2e-3);
  options.temperature = 0;
  EXPECT_EQ(sample_token(logits, all, options, 0.999), 2);
}

TEST(SampleToken, TopKAndTopPCut) {
  SamplingOptions options;
  options.top_k = 3;
  auto frequency = frequencies(options);
  EXPECT_NEAR(frequency[2], 4.0 / 7, 2e-3);
  EXPECT_EQ(frequency.count(3), 0u);  // of equals the lower id stays
  options.top_k = 0;
  options.top_p = 0.7;
  frequency = frequencies(options);
  EXPECT_NEAR(frequency[2], 2.0 / 3, 2e-3);
  EXPECT_EQ(frequency.size(), 2u);
  options.top_p = 0.5;
  EXPECT_EQ(frequencies(options).size(), 1u);
}

// The likeliest of these is no token.
TEST(SampleToken, NeverDrawsAnIdWithoutToken) {
  const std::vector<uint8_t> drawable = {1, 1, 0, 1};
  for (const double temperature : {0.0, 1.0, 100.0}) {
    for (const int64_t top_k : {0, 1, 3}) {
      for (const double top_p : {0.1, 1.0}) {
        const SamplingOptions options{.temperature = temperature, .top_k = top_k, .top_p = top_p};
        for (int i = 0; i < 50; ++i) EXPECT_NE(sample_token(logits, drawable, options, (i + 0.5) / 50), 2);
      }
    }
  }
  EXPECT_EQ(sample_token(logits, drawable, {.temperature = 0}, 0.5), 0) << "of equals the lower id";
}

TEST(FirstBadLogit, IsTheFirstThatIsNoFiniteNumberAndMayBeDrawn) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinite = std::numeric_limits<float>::infinity();
  EXPECT_EQ(first_bad_logit(logits, all), std::nullopt);
  EXPECT_EQ(first_bad_logit(std::vector<float>{0, nan, 1, infinite}, all), 1);
  EXPECT_EQ(first_bad_logit(std::vector<float>{0, nan, 1, infinite}, {1, 0, 1, 1}), 3);
  EXPECT_EQ(first_bad_logit(std::vector<float>{-infinite, 0, 0, 0}, all), 0);
}

TEST(SamplingOptions, NamesWhatIsOutOfRange) {
  SamplingOptions options;
  options.top_p = 0;
  try {
    options.validate();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "--top-p 0: expected more than 0 and at most 1");
  }
}

}  // namespace
}  // namespace kumiko
