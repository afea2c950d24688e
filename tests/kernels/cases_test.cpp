// Every cpu kernel against the reference, twice, and with another number of threads, over many shapes.
#include "kumiko/kernels/cases.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>

#include "kernels/shapes.h"
#include "kumiko/base/error.h"

namespace kumiko {
namespace {

class CpuKernelCase : public testing::TestWithParam<std::string> {
 protected:
  void expect_agreement(DType type) {
    const auto cpu = make_cpu_kernels(pool_, 2, type, LinearBackend::native);
    const auto reference = make_reference_kernels();
    EXPECT_EQ(compare_kernels(CaseSpec::parse(GetParam()), *cpu, *reference, *pool_, type), "") << GetParam();
  }

  std::shared_ptr<MemoryPool> pool_ = MemoryPool::create();
};

TEST_P(CpuKernelCase, AgreesWithReference) { expect_agreement(DType::f32); }
TEST_P(CpuKernelCase, AgreesWithReferenceInBf16) { expect_agreement(DType::bf16); }
TEST_P(CpuKernelCase, AgreesWithReferenceInF16) { expect_agreement(DType::f16); }

TEST_P(CpuKernelCase, GivesTheSameBitsTwiceAndWithOtherThreads) {
  const auto two = make_cpu_kernels(pool_, 2);
  const auto three = make_cpu_kernels(pool_, 3);
  const CaseSpec spec = CaseSpec::parse(GetParam());
  EXPECT_EQ(compare_bits(spec, *two, *two, *pool_), "") << GetParam();
  EXPECT_EQ(compare_bits(spec, *two, *three, *pool_), "") << GetParam();
  EXPECT_EQ(compare_bits(spec, *two, *three, *pool_, DType::bf16), "") << GetParam();
}

std::string name_of_case(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Shapes, CpuKernelCase, testing::ValuesIn(tried_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Attention, CpuKernelCase, testing::ValuesIn(tried_attention()), name_of_case);

// The portable fallback, which this machine would not choose by itself.
TEST(KernelTargets, TheFallbackAgreesWithReference) {
  const auto pool = MemoryPool::create();
  const auto cpu = make_cpu_kernels(pool, 1);
  const auto reference = make_reference_kernels();
  hwy::SetSupportedTargetsForTest(HWY_STATIC_TARGET);
  hwy::GetChosenTarget().DeInit();
  for (const auto& cases : {tried_cases(), tried_attention()}) {
    for (const std::string& text : cases) {
      const CaseSpec spec = CaseSpec::parse(text);
      EXPECT_EQ(compare_kernels(spec, *cpu, *reference, *pool), "") << text;
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

// Training looks for bad values at the loss and the gradient norm: no kernel on the way may swallow one.
TEST(CpuKernels, NotANumberReachesTheOutput) {
  const auto pool = MemoryPool::create();
  const auto kernels = make_cpu_kernels(pool, 1);
  const auto tensor = [&](Shape shape, float value) {
    const Tensor made = Tensor::empty(*pool, shape, DType::f32, MemoryPurpose::workspace);
    std::fill_n(made.data<float>(), made.num_elements(), value);
    return made;
  };
  const auto is_bad = [](const Tensor& made) {
    const auto elements = made.elements<float>();
    return std::any_of(elements.begin(), elements.end(), [](float value) { return !std::isfinite(value); });
  };
  for (const int64_t place : {0, 5, 36}) {
    const Tensor x = tensor({1, 37}, 0.5F);
    x.data<float>()[place] = std::numeric_limits<float>::quiet_NaN();
    const Tensor y = tensor({1, 37}, 0), one = tensor({37}, 1), sum = tensor({1}, 0);
    EXPECT_FALSE(std::isfinite(kernels->sum_of_squares(x)));
    kernels->gelu_forward(x, y);
    EXPECT_TRUE(is_bad(y));
    kernels->layer_norm_forward(x, one, one, 1e-5, y, {}, {});
    EXPECT_TRUE(is_bad(y));
    const Tensor targets = Tensor::zeros(*pool, {1}, DType::i32, MemoryPurpose::workspace);
    kernels->cross_entropy_statistics(x, targets, 0, 37, tensor({1}, 0), sum, tensor({1}, 0));
    EXPECT_TRUE(is_bad(sum));
    AttentionShape shape;
    shape.batch = shape.num_heads = shape.num_kv_heads = shape.head_size = 1;
    shape.num_queries = shape.num_keys = 37;
    const auto view = [](const Tensor& rows) { return HeadsView{rows, 0, 37, 1}; };
    for (const bool in_keys : {true, false}) {
      const Tensor good = tensor({1, 37}, 0.5F);
      kernels->attention_forward(shape, view(good), view(in_keys ? x : good), view(in_keys ? good : x), view(y), {});
      EXPECT_TRUE(is_bad(y)) << place << (in_keys ? " of k" : " of v");
    }
  }
}

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(KernelCases, TextThatIsNotACaseIsNamed) {
  EXPECT_EQ(message_of([] { CaseSpec::parse("add:elements"); }),
            "kernel case \"add:elements\": \"elements\" is not NAME=NUMBER, as in add:elements=1000");
  const auto pool = MemoryPool::create();
  EXPECT_NE(message_of([&] {
              make_case(CaseSpec::parse("multiply:T=1"), DType::f32, *pool);
            }).find("no kernel is called \"multiply\"; there are adamw, add,"),
            std::string::npos);
}

TEST(KernelCases, TextOfACaseReadsBack) {
  const std::string text = "linear_forward:K=3,N=2,T=1";
  EXPECT_EQ(CaseSpec::parse(text).to_string(), text);
}

TEST(KernelArguments, AMismatchIsNamed) {
  const auto pool = MemoryPool::create();
  const auto tensor = [&](Shape shape) { return Tensor::zeros(*pool, shape, DType::f32, MemoryPurpose::workspace); };
  for (const auto& kernels : {make_cpu_kernels(pool, 1), make_reference_kernels()}) {
    const auto weight = kernels->prepare_weight(tensor({4, 3}), nullptr);
    EXPECT_EQ(message_of([&] {
                kernels->linear_forward(tensor({2, 5}), *weight, {}, tensor({2, 4}), Write::overwrite);
              }),
              "linear_forward: x is [2, 5], expected 2 rows of 3");
    EXPECT_EQ(message_of([&] { kernels->add(tensor({2}), tensor({3})); }),
              "add: f32 [2] and f32 [3], expected the same");
    EXPECT_EQ(message_of([&] {
                kernels->layer_norm_forward(tensor({2, 3}), tensor({4}), tensor({3}), 1e-5, tensor({2, 3}), {}, {});
              }),
              "layer_norm_forward: gamma is [4], expected 3 elements");
    const Tensor tokens = Tensor::zeros(*pool, {6}, DType::i32, MemoryPurpose::workspace);
    EXPECT_EQ(message_of([&] {
                kernels->embedding_forward(tokens, {4, 0, {}}, 0, tensor({9, 2}), {}, tensor({6, 2}));
              }),
              "embedding_forward: 6 tokens are not whole sequences of 4");
    const Tensor x = tensor({2, 4});
    EXPECT_EQ(message_of([&] {
                kernels->embedding_forward(tokens, {3, 0, x}, 0, tensor({9, 2}), {}, tensor({6, 2}));
              }),
              "embedding_forward: positions is f32, expected i32");
    AttentionShape shape;
    shape.batch = 2;
    shape.num_queries = shape.num_keys = shape.head_size = 2;
    shape.num_heads = shape.num_kv_heads = 1;
    shape.first_keys = tokens;
    const HeadsView rows{x, 0, 4, 2};
    EXPECT_EQ(message_of([&] { kernels->attention_forward(shape, rows, rows, rows, rows, {}); }),
              "attention_forward: first_keys is [6], expected 4 elements");
    DropoutMask mask;
    mask.probability = 1;
    EXPECT_EQ(message_of([&] { kernels->dropout(mask, tensor({2}), tensor({2}), Write::overwrite); }),
              "dropout: probability is 1, expected 0 or more and less than 1");
  }
}

}  // namespace
}  // namespace kumiko
