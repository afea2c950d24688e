// The libraries that linear layers may take their products from, where the program was built with them.
#include <gtest/gtest.h>

#include "kernels/shapes.h"
#include "kumiko/base/error.h"
#include "kumiko/kernels/cases.h"

namespace kumiko {
namespace {

struct Backend {
  LinearBackend backend;
  std::string name;
};

class LinearBackends : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    try {
      kernels_ = make_cpu_kernels(pool_, 2, DType::f32, GetParam().backend);
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.kind(), ErrorKind::user);
      ASSERT_TRUE(message.starts_with("train.linear_backend = " + GetParam().name + ": this program was built without"))
          << message;
      GTEST_SKIP() << message;
    }
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

TEST_P(LinearBackends, RefuseATypeTheyDoNotKnow) {
  try {
    make_cpu_kernels(pool_, 2, DType::f16, GetParam().backend);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    EXPECT_TRUE(std::string(error.what()).starts_with("train.linear_backend = " + GetParam().name + ": its"))
        << error.what();
  }
}

TEST_P(LinearBackends, RefuseToSumInBlocks) {
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

INSTANTIATE_TEST_SUITE_P(Libraries, LinearBackends,
                         testing::Values(Backend{LinearBackend::onednn, "onednn"},
                                         Backend{LinearBackend::cblas, "cblas"}),
                         [](const auto& made) { return made.param.name; });

}  // namespace
}  // namespace kumiko
