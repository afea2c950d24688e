#include "kumiko/model/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/tiny_model.h"

namespace kumiko {
namespace {

class EveryArchitecture : public testing::TestWithParam<ModelOptions> {};

INSTANTIATE_TEST_SUITE_P(Model, EveryArchitecture,
                         testing::Values(tiny_options(), tiny_llama_options(), tiny_window_options()),
                         [](const auto& tested) {
                           if (tested.param.architecture == Architecture::gpt) return "Gpt";
                           return tested.param.window_size == 0 ? "Llama" : "Window";
                         });

ModelOptions with_dropout(ModelOptions options) {
  options.hidden_dropout = 0.1;
  options.attention_dropout = 0.1;
  return options;
}

TEST_P(EveryArchitecture, WaitingWeightWorkGivesTheSameBits) {
  TinyModel tiny(with_dropout(GetParam()), make_reference_kernels(), DType::f64);
  tiny.backward(WeightWork::When::at_once);
  const auto gradients = tiny.model.parameters().gradients().elements<double>();
  const std::vector<double> at_once(gradients.begin(), gradients.end());
  tiny.backward(WeightWork::When::later);
  EXPECT_TRUE(std::equal(gradients.begin(), gradients.end(), at_once.begin()));
}

TEST_P(EveryArchitecture, FastKernelsGiveTheReferencesLossAndGradient) {
  TinyModel reference(with_dropout(GetParam()), make_reference_kernels(), DType::f64);
  TinyModel fast(with_dropout(GetParam()), make_cpu_kernels(MemoryPool::create(), 2), DType::f32);
  const double loss = reference.backward(WeightWork::When::at_once);
  // Single precision, through some hundred roundings a path.
  EXPECT_NEAR(fast.backward(WeightWork::When::at_once), loss, 1e-6 * loss);
  double error = 0;
  double norm = 0;
  const auto expected = reference.model.parameters().gradients().elements<double>();
  const auto actual = fast.model.parameters().gradients().elements<float>();
  for (size_t i = 0; i < expected.size(); ++i) {
    error += std::pow(expected[i] - static_cast<double>(actual[i]), 2);
    norm += std::pow(expected[i], 2);
  }
  EXPECT_LT(std::sqrt(error / norm), 1e-6);
}

// Dropout masks belong to samples, not to micro-batches or ranks: two micro-batches of one sample are one of two.
TEST_P(EveryArchitecture, TwoMicroBatchesAreOneOfTwice) {
  TinyModel tiny(with_dropout(GetParam()), make_reference_kernels(), DType::f64);
  const double whole = tiny.backward(WeightWork::When::at_once);
  double parts = 0;
  for (int64_t b = 0; b < 2; ++b) {
    Pass pass = tiny.pass(nullptr, true);
    pass.tokens = pass.tokens.rows(b, b + 1);
    pass.targets = pass.targets.rows(b, b + 1);
    pass.batch = 1;
    pass.first_sample += b;
    tiny.model.forward(pass);
    parts += pass.loss_sum * pass.loss_scale;
  }
  EXPECT_NEAR(parts, whole, 1e-14 * whole);
}

TEST_P(EveryArchitecture, GeneratesWhatTheForwardSays) {
  TinyModel tiny(GetParam(), make_reference_kernels(), DType::f64);
  const Tensor tokens = tiny.random_tokens(1, 6, 9);
  const auto logits_after = [&](std::vector<int64_t> pieces) {
    KeyValueCache cache{8};
    Tensor logits;
    int64_t begin = 0;
    for (const int64_t count : pieces) {
      Pass pass{*tiny.kernels, *tiny.pool, nullptr, DType::f64};
      pass.batch = 1;
      pass.sequence = count;
      pass.tokens = tokens.slice(begin, count).reshaped({1, count});
      pass.cache = &cache;
      logits = tiny.model.generate_step(pass);
      begin += count;
    }
    return std::vector<double>(logits.elements<double>().begin(), logits.elements<double>().end());
  };
  const std::vector<double> at_once = logits_after({6});
  const std::vector<double> one_by_one = logits_after({3, 1, 1, 1});
  ASSERT_EQ(at_once.size(), 17u);
  for (size_t i = 0; i < at_once.size(); ++i) EXPECT_NEAR(at_once[i], one_by_one[i], 1e-12);

  // The loss of a target is log(sum exp) - logit of the full forward.
  Pass pass{*tiny.kernels, *tiny.pool, nullptr, DType::f64};
  pass.batch = 1;
  pass.sequence = 6;
  pass.tokens = tokens;
  pass.targets = tiny.random_tokens(1, 6, 10);
  for (int i = 0; i < 5; ++i) pass.targets.data<int32_t>()[i] = -1;
  tiny.model.forward(pass);
  double sum = 0;
  for (const double logit : at_once) sum += std::exp(logit);
  const auto target = static_cast<size_t>(pass.targets.data<int32_t>()[5]);
  EXPECT_NEAR(pass.loss_sum, std::log(sum) - at_once[target], 1e-12);
}

TEST(CountParameters, IsTheFormulaForGpt) {
  // 12 L H^2 (1 + 13/(12 H)) + (V + P) H + 2 H.
  const ModelOptions tiny = tiny_options();
  EXPECT_EQ(count_parameters(tiny), 12 * 2 * 12 * 12 + 13 * 2 * 12 + (17 + 8) * 12 + 2 * 12);
}

}  // namespace
}  // namespace kumiko
