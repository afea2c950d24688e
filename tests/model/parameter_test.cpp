#include "kumiko/model/parameter.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kumiko {
namespace {

TEST(ParameterRegistry, DrawsTheSameValuesForAPartAsForTheWhole) {
  const auto pool = MemoryPool::create();
  ParameterRegistry whole;
  whole.add("w", {6, 10}, Initializer::normal(0.5), true);
  whole.allocate_values(*pool, DType::f32);
  whole.initialize(42);
  const auto values = whole.all()[0]->value.elements<float>();

  const Box box{{2, 3}, {3, 5}};
  ParameterRegistry part;
  Parameter& parameter = part.add("w", {3, 5}, Initializer::normal(0.5), true);
  parameter.parts[0].global_shape = {6, 10};
  parameter.parts[0].box = box;
  part.allocate_values(*pool, DType::f32);
  part.initialize(42);
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      EXPECT_EQ(parameter.value.elements<float>()[static_cast<size_t>(i * 5 + j)],
                values[static_cast<size_t>((i + 2) * 10 + j + 3)]);
    }
  }
}

TEST(ParameterRegistry, NormalValuesHaveTheirStandardDeviation) {
  const auto pool = MemoryPool::create();
  ParameterRegistry registry;
  constexpr int64_t count = 200'000;
  registry.add("w", {count / 100, 100}, Initializer::normal(0.02), true);
  registry.allocate_values(*pool, DType::f32);
  registry.initialize(1);
  double sum = 0;
  double squares = 0;
  for (const float value : registry.all()[0]->value.elements<float>()) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
  }
  // Five standard deviations of either estimate.
  EXPECT_NEAR(sum / count / 0.02, 0, 5 / std::sqrt(count));
  EXPECT_NEAR(squares / count / (0.02 * 0.02), 1, 5 * std::sqrt(2.0 / count));
}

TEST(ParameterRegistry, UnitsAreContiguous) {
  const auto pool = MemoryPool::create();
  ParameterRegistry registry;
  Parameter& a = registry.add("a", {3}, Initializer::ones(), false);
  registry.next_unit();
  Parameter& b = registry.add("b", {5}, Initializer::zeros(), false);
  Parameter& c = registry.add_stacked({{"c", {2, 3}, Box::whole({2, 3})}, {"d", {2, 3}, Box::whole({2, 3})}},
                                      Initializer::zeros(), true);
  registry.allocate_values(*pool, DType::f32);
  registry.allocate_gradients(*pool, DType::f32);
  fill_zero(registry.gradients());
  const int64_t first = registry.unit_elements(0);
  for (float& value : registry.gradients().slice(first, registry.unit_elements(1)).elements<float>()) value = 1;
  EXPECT_EQ(a.gradient.elements<float>()[0], 0);
  EXPECT_EQ(b.gradient.elements<float>()[4], 1);
  EXPECT_EQ(c.gradient.elements<float>()[11], 1);
  EXPECT_EQ(c.parts[1].first_row, 2);
  EXPECT_EQ(registry.num_elements(), 20);
}

}  // namespace
}  // namespace kumiko
