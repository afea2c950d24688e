// Two documents in one sample are as two samples: the same losses and gradients, to rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "model/tiny_model.h"

namespace kumiko {
namespace {

constexpr int64_t first_length = 4;

class Documents : public testing::TestWithParam<RecomputeOptions> {
 protected:
  Documents() : tiny_(tiny_options(), make_reference_kernels(), DType::f64) {
    tiny_.batch = 1;
    tiny_.recompute = GetParam();
  }

  Tensor numbers(const std::vector<int32_t>& values) const {
    const Tensor tensor =
        Tensor::empty(*tiny_.pool, {1, static_cast<int64_t>(values.size())}, DType::i32, MemoryPurpose::workspace);
    std::copy(values.begin(), values.end(), tensor.data<int32_t>());
    return tensor;
  }

  // Tokens [begin, end) of the sample as a sample.
  Pass part(WeightWork& work, int64_t begin, int64_t end) {
    const auto cut = [&](const Tensor& tensor) { return tensor.slice(begin, end - begin).reshaped({1, end - begin}); };
    Pass pass = tiny_.pass(&work, true);
    pass.tokens = cut(pass.tokens);
    pass.targets = cut(pass.targets);
    pass.sequence = end - begin;
    return pass;
  }

  // Adds to the gradients and returns the sum of the losses.
  double run(Pass pass) {
    tiny_.model.forward(pass);
    tiny_.model.backward(pass);
    return pass.loss_sum;
  }

  std::vector<double> gradients() const {
    std::vector<double> all;
    for (const auto& parameter : tiny_.model.parameters().all()) {
      const auto gradient = parameter->gradient.elements<double>();
      all.insert(all.end(), gradient.begin(), gradient.end());
    }
    return all;
  }

  TinyModel tiny_;
};

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double error = 0;
  double norm = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += std::pow(a[i] - b[i], 2);
    norm += b[i] * b[i];
  }
  return std::sqrt(error / norm);
}

TEST_P(Documents, InOneSampleAreAsSamples) {
  WeightWork work(WeightWork::When::at_once);
  fill_zero(tiny_.model.parameters().gradients());
  const double apart = run(part(work, 0, first_length)) + run(part(work, first_length, tiny_.sequence));
  const std::vector<double> expected = gradients();

  const auto packed = [&](bool attention, bool positions) {
    Pass pass = part(work, 0, tiny_.sequence);
    if (attention) pass.first_keys = numbers({0, 0, 0, 0, 4, 4, 4});
    if (positions) pass.positions = numbers({0, 1, 2, 3, 0, 1, 2});
    fill_zero(tiny_.model.parameters().gradients());
    return run(pass);
  };
  EXPECT_NEAR(packed(true, true), apart, 1e-13 * apart);
  EXPECT_LT(distance(gradients(), expected), 1e-13);
  // Neither does it alone.
  packed(true, false);
  EXPECT_GT(distance(gradients(), expected), 1e-3);
  packed(false, true);
  EXPECT_GT(distance(gradients(), expected), 1e-3);
}

// Rotary positions tell how far apart two tokens are: within a document it is the same wherever it begins.
TEST(DocumentsOfLlama, NeedNoPositionsOfTheirOwn) {
  TinyModel tiny(tiny_llama_options(), make_reference_kernels(), DType::f64);
  tiny.batch = 1;
  const auto loss_of = [&](int64_t begin, int64_t end, const Tensor& first_keys) {
    Pass pass = tiny.pass(nullptr, false);
    pass.tokens = pass.tokens.slice(begin, end - begin).reshaped({1, end - begin});
    pass.targets = pass.targets.slice(begin, end - begin).reshaped({1, end - begin});
    pass.sequence = end - begin;
    pass.first_keys = first_keys;
    tiny.model.forward(pass);
    return pass.loss_sum;
  };
  const Tensor first_keys = Tensor::zeros(*tiny.pool, {1, tiny.sequence}, DType::i32, MemoryPurpose::workspace);
  std::fill(first_keys.data<int32_t>() + first_length, first_keys.data<int32_t>() + tiny.sequence,
            static_cast<int32_t>(first_length));
  const double apart = loss_of(0, first_length, {}) + loss_of(first_length, tiny.sequence, {});
  EXPECT_NEAR(loss_of(0, tiny.sequence, first_keys), apart, 1e-13 * apart);
  EXPECT_GT(std::abs(loss_of(0, tiny.sequence, {}) - apart), 1e-4 * apart);
}

INSTANTIATE_TEST_SUITE_P(Recomputation, Documents,
                         testing::Values(RecomputeOptions{},
                                         RecomputeOptions{RecomputeGranularity::selective, RecomputeMethod::uniform, 1},
                                         RecomputeOptions{RecomputeGranularity::full, RecomputeMethod::uniform, 1}));

}  // namespace
}  // namespace kumiko
