// The libraries that linear layers may take their products from, where the program was built with them.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/shapes.h"
#include "kumiko/base/error.h"
#include "kumiko/kernels/cases.h"
#include "support/linear_backends.h"

namespace kumiko {
namespace {

class LinearBackends : public testing::TestWithParam<LinearBackend> {
 protected:
  void SetUp() override {
    if (const std::string reason = test::why_without(GetParam()); !reason.empty()) {
      ASSERT_TRUE(
          reason.starts_with("train.linear_backend = " + name_of(GetParam()) + ": this program was built without"))
          << reason;
      GTEST_SKIP() << reason;
    }
    kernels_ = make_cpu_kernels(pool_, 2, DType::f32, GetParam());
  }

  std::shared_ptr<MemoryPool> pool_ = MemoryPool::create();
  std::unique_ptr<Kernels> kernels_;
};

TEST_P(LinearBackends, AgreeWithReferenceAndGiveTheSameBitsTwice) {
  const auto reference = make_reference_kernels();
  int num_tried = 0;
  for (const std::string& text : tried_cases()) {
    if (!text.starts_with("linear_") || text.find("_terms") != std::string::npos) continue;
    const CaseSpec spec = CaseSpec::parse(text);
    EXPECT_EQ(compare_kernels(spec, *kernels_, *reference, *pool_), "") << text;
    EXPECT_EQ(compare_bits(spec, *kernels_, *kernels_, *pool_), "") << text;
    ++num_tried;
  }
  EXPECT_GT(num_tried, 20);
}

Tensor random_matrix(MemoryPool& pool, Shape shape, DType type, uint64_t stream) {
  const Tensor made = Tensor::empty(pool, shape, type, MemoryPurpose::workspace);
  const PhiloxKey key = random_key(5, RandomStream::test, stream);
  for (int64_t i = 0; i < made.num_elements(); ++i) {
    set_element(made, i, static_cast<double>(random_bits(key, static_cast<uint64_t>(i)) % 2001) / 1000 - 1);
  }
  return made;
}

// ||tensor - expected|| / ||expected||
double relative_difference(const Tensor& tensor, const Tensor& expected) {
  double error = 0;
  double norm = 0;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) {
    error += std::pow(element_at(tensor, i) - element_at(expected, i), 2);
    norm += std::pow(element_at(expected, i), 2);
  }
  return std::sqrt(error / norm);
}

// What a step asks of one weight: all of its products, again with other numbers of rows, and again after an update.
// Square weights above all: of them W and W^T have the same sizes.
void check_one_weight(Kernels& kernels, MemoryPool& pool, DType type, int64_t outputs, int64_t inputs) {
  const auto reference = make_reference_kernels();
  std::unique_ptr<PreparedWeight> tried;
  for (uint64_t update = 0; update < 3; ++update) {
    const Tensor weight = random_matrix(pool, {outputs, inputs}, DType::f32, update);
    tried = kernels.prepare_weight(weight, std::move(tried));
    const auto judge = reference->prepare_weight(weight, nullptr);
    for (const int64_t rows : {64, 33, 1, 64}) {
      SCOPED_TRACE(fmt::format("[{}, {}], update {}, {} rows, {}", outputs, inputs, update, rows, name_of(type)));
      const auto matrix = [&](int64_t columns, DType of, uint64_t stream) {
        return random_matrix(pool, {rows, columns}, of, stream);
      };
      const auto compare = [&](const auto& product, int64_t in, int64_t out, int64_t terms) {
        const Tensor x = matrix(in, type, 10);
        const Tensor x_as_read = matrix(in, DType::f32, 0);
        for (int64_t i = 0; i < x.num_elements(); ++i) set_element(x_as_read, i, element_at(x, i));
        const Tensor y = matrix(out, type, 11);
        const Tensor expected = matrix(out, DType::f32, 11);
        product(kernels, x, *tried, y);
        product(*reference, x_as_read, *judge, expected);
        // bf16 products of a library may round the weights to bf16 as well.
        const double rounded_weights = type == DType::bf16 ? std::ldexp(1.0, -8) : 0;
        EXPECT_LT(relative_difference(y, expected), tolerance(static_cast<double>(terms), type) + rounded_weights);
      };
      const auto forward = [](Kernels& by, const Tensor& x, const PreparedWeight& by_weight, const Tensor& y) {
        by.linear_forward(x, by_weight, {}, y, Write::overwrite);
      };
      const auto backward = [](Kernels& by, const Tensor& dy, const PreparedWeight& by_weight, const Tensor& dx) {
        by.linear_backward_input(dy, by_weight, dx, Write::overwrite);
      };
      compare(forward, inputs, outputs, inputs);
      compare(backward, outputs, inputs, outputs);
      compare(forward, inputs, outputs, inputs);
      const Tensor x = matrix(inputs, DType::f32, 12);
      const Tensor dy = matrix(outputs, DType::f32, 13);
      if (type != DType::f32) continue;
      const Tensor dweight = random_matrix(pool, {outputs, inputs}, DType::f32, 14);
      const Tensor expected = random_matrix(pool, {outputs, inputs}, DType::f32, 14);
      kernels.linear_backward_weight(x, dy, dweight, {});
      reference->linear_backward_weight(x, dy, expected, {});
      EXPECT_LT(relative_difference(dweight, expected), tolerance(static_cast<double>(rows), type));
    }
  }
}

constexpr std::pair<int64_t, int64_t> weights[] = {{16, 16}, {64, 64}, {65, 65}, {160, 160}, {128, 32}, {40, 200}};

TEST_P(LinearBackends, MultiplyByOneWeightAllTheWaysOfAStep) {
  for (const auto& [outputs, inputs] : weights) check_one_weight(*kernels_, *pool_, DType::f32, outputs, inputs);
}

TEST_P(LinearBackends, MultiplyByOneWeightAllTheWaysOfAStepInBf16) {
  if (const std::string reason = test::why_without(GetParam(), DType::bf16); !reason.empty()) GTEST_SKIP() << reason;
  const auto kernels = make_cpu_kernels(pool_, 2, DType::bf16, GetParam());
  for (const auto& [outputs, inputs] : weights) check_one_weight(*kernels, *pool_, DType::bf16, outputs, inputs);
}

// No library, and no path that only some CPUs take, without being asked.
TEST(AutomaticLinearBackend, IsOurOwnForEveryType) {
  for (const DType type : {DType::f32, DType::bf16, DType::f16}) {
    const auto chosen = make_cpu_kernels(MemoryPool::create(), 2, type);
    const auto own = make_cpu_kernels(MemoryPool::create(), 2, type, LinearBackend::native);
    EXPECT_EQ(chosen->description(), own->description());
  }
}

TEST_P(LinearBackends, RefuseATypeTheyDoNotKnow) {
  if (GetParam() == LinearBackend::native) return;  // knows all
  try {
    make_cpu_kernels(pool_, 2, DType::f16, GetParam());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    EXPECT_TRUE(std::string(error.what()).starts_with("train.linear_backend = " + name_of(GetParam()) + ": its"))
        << error.what();
  }
}

TEST_P(LinearBackends, RefuseToSumInBlocks) {
  if (GetParam() == LinearBackend::native) return;  // sums in blocks
  for (const char* text : {"linear_forward_terms:T=9", "linear_backward_input_terms:T=9"}) {
    const KernelCase made = make_case(CaseSpec::parse(text), DType::f32, *pool_);
    made.prepare(*kernels_);
    try {
      made.run(*kernels_);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::user);
      EXPECT_NE(std::string(error.what()).find("cannot sum a product's terms in blocks"), std::string::npos);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Libraries, LinearBackends, test::every_linear_backend(),
                         [](const auto& made) { return name_of(made.param); });

}  // namespace
}  // namespace kumiko
