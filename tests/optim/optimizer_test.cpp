#include "kumiko/optim/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

namespace kumiko {
namespace {

Tensor tensor_of(MemoryPool& pool, const nlohmann::json& values, DType dtype) {
  const Tensor tensor = Tensor::empty(pool, {static_cast<int64_t>(values.size())}, dtype, MemoryPurpose::workspace);
  for (size_t i = 0; i < values.size(); ++i) {
    if (dtype == DType::f64) {
      tensor.data<double>()[i] = values[i];
    } else {
      tensor.data<float>()[i] = values[i];
    }
  }
  return tensor;
}

double value_of(const Tensor& tensor, size_t i) {
  return tensor.dtype() == DType::f64 ? tensor.data<double>()[i] : static_cast<double>(tensor.data<float>()[i]);
}

// Updates of torch.optim.SGD and AdamW in double: tests/reference/make_optim_fixtures.py.
void check_updates(Kernels& kernels, DType dtype, double tolerance) {
  const auto fixture = nlohmann::json::parse(std::ifstream(KUMIKO_FIXTURES "/optim/updates.json"));
  ASSERT_FALSE(fixture.at("cases").empty());
  for (const auto& expected : fixture.at("cases")) {
    const auto pool = MemoryPool::create();
    OptimizerOptions options;
    options.weight_decay = expected.at("weight_decay");
    if (expected.at("optimizer") == "sgd") {
      options.optimizer = OptimizerKind::sgd;
      options.sgd_momentum = expected.at("momentum");
    } else {
      options.adam_beta1 = expected.at("beta1");
      options.adam_beta2 = expected.at("beta2");
      options.adam_eps = expected.at("eps");
    }
    const Tensor weight = tensor_of(*pool, expected.at("start"), dtype);
    const Tensor gradient = tensor_of(*pool, expected.at("start"), dtype);
    const auto optimizer = make_optimizer(options, {{weight, gradient, true}}, *pool);
    for (size_t step = 0; step < expected.at("gradients").size(); ++step) {
      copy(tensor_of(*pool, expected.at("gradients")[step], dtype), gradient);
      // Scaling by 1/4 what was multiplied by 4 is exact.
      kernels.scale(gradient, 4);
      optimizer->update(kernels, static_cast<int64_t>(step) + 1, expected.at("lr")[step], 0.25);
      for (size_t i = 0; i < expected.at("weights")[step].size(); ++i) {
        EXPECT_NEAR(value_of(weight, i), expected.at("weights")[step][i].get<double>(), tolerance)
            << expected.at("optimizer") << " step " << step << " element " << i;
      }
    }
  }
}

// Values of order one, a handful of roundings a step, five steps.
TEST(Optimizer, UpdatesAsTorchInDouble) { check_updates(*make_reference_kernels(), DType::f64, 50 * 1.1e-16); }

TEST(Optimizer, UpdatesAsTorchInSingle) {
  check_updates(*make_cpu_kernels(MemoryPool::create(), 1), DType::f32, 50 * 6e-8);
}

TEST(Optimizer, DecaysOnlyWhatIsMarked) {
  const auto pool = MemoryPool::create();
  OptimizerOptions options;
  options.weight_decay = 0.5;
  const Tensor decayed = tensor_of(*pool, {1.0}, DType::f64);
  const Tensor kept = tensor_of(*pool, {1.0}, DType::f64);
  const Tensor zero = tensor_of(*pool, {0.0}, DType::f64);
  const auto optimizer = make_optimizer(options, {{decayed, zero, true}, {kept, zero, false}}, *pool);
  optimizer->update(*make_reference_kernels(), 1, 0.1, 1);
  EXPECT_DOUBLE_EQ(value_of(decayed, 0), 0.95);
  EXPECT_EQ(value_of(kept, 0), 1);
}

TEST(Optimizer, KeepsAsManyStatesAsItSays) {
  for (const auto& [kind, momentum] :
       {std::pair{OptimizerKind::adam, 0.9}, {OptimizerKind::sgd, 0.9}, {OptimizerKind::sgd, 0.0}}) {
    const auto pool = MemoryPool::create();
    OptimizerOptions options;
    options.optimizer = kind;
    options.sgd_momentum = momentum;
    const Tensor a = tensor_of(*pool, std::vector<double>(17), DType::f32);
    const Tensor b = tensor_of(*pool, std::vector<double>(16), DType::f32);
    const auto optimizer = make_optimizer(options, {{a, a, true}, {b, b, false}}, *pool);
    EXPECT_EQ(pool->use(MemoryPurpose::optimizer).current, states_per_weight(options) * 4 * (32 + 16));
  }
}

TEST(ClipCoefficient, LimitsTheNorm) {
  EXPECT_EQ(clip_coefficient(0.5, 1), 1);
  EXPECT_EQ(clip_coefficient(100, 0), 1);
  EXPECT_NEAR(clip_coefficient(4, 1) * 4, 1, 1e-6);
}

}  // namespace
}  // namespace kumiko
