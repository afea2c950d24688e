#include "kumiko/schedule/balance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::vector<int> counts(const std::vector<StageUnits>& stages) {
  std::vector<int> result;
  for (const StageUnits& stage : stages) result.push_back(stage.count());
  return result;
}

double largest(std::span<const double> costs, const std::vector<StageUnits>& stages) {
  double result = 0;
  for (const StageUnits& stage : stages) {
    result = std::max(result, std::accumulate(costs.begin() + stage.begin, costs.begin() + stage.end, 0.0));
  }
  return result;
}

void expect_cover(const std::vector<StageUnits>& stages, size_t num_units, int num_stages) {
  ASSERT_EQ(stages.size(), static_cast<size_t>(num_stages));
  int32_t next = 0;
  for (const StageUnits& stage : stages) {
    EXPECT_EQ(stage.begin, next);
    EXPECT_GE(stage.count(), 1);
    next = stage.end;
  }
  EXPECT_EQ(next, static_cast<int32_t>(num_units));
}

// All cuts tried.
double least_by_force(std::span<const double> costs, int num_stages) {
  if (num_stages == 1) return std::accumulate(costs.begin(), costs.end(), 0.0);
  double least = std::numeric_limits<double>::infinity();
  double first = 0;
  for (size_t end = 1; end + static_cast<size_t>(num_stages) <= costs.size() + 1; ++end) {
    first += costs[end - 1];
    least = std::min(least, std::max(first, least_by_force(costs.subspan(end), num_stages - 1)));
  }
  return least;
}

std::string message_of(std::span<const double> costs, int num_stages) {
  try {
    balance_units(costs, num_stages);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(BalanceUnits, EqualUnitsAreSharedEvenly) {
  EXPECT_EQ(counts(balance_units(std::vector<double>(10, 0.1), 4)), (std::vector<int>{3, 3, 2, 2}));
  EXPECT_EQ(counts(balance_units(std::vector<double>(12, 7.0), 8)), (std::vector<int>{2, 2, 2, 2, 1, 1, 1, 1}));
  EXPECT_EQ(counts(balance_units(std::vector<double>(9, 0.3), 3)), (std::vector<int>{3, 3, 3}));
  EXPECT_EQ(counts(balance_units(std::vector<double>(5, 0.0), 3)), (std::vector<int>{1, 1, 3}));
}

TEST(BalanceUnits, AHeavyHeadTakesTheLastStageAlone) {
  const std::vector<double> costs = {0.3, 1, 1, 1, 1, 1, 1, 2.2};
  EXPECT_EQ(counts(balance_units(costs, 4)), (std::vector<int>{3, 2, 2, 1}));
  EXPECT_DOUBLE_EQ(largest(costs, balance_units(costs, 4)), 2.3);
}

TEST(BalanceUnits, LargestStageIsTheLeastPossible) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 400; ++trial) {
    std::vector<double> costs(1 + random() % 11);
    // Thirds, so that sums are rounded; zeros, and now and then a unit above all others.
    for (double& cost : costs) cost = static_cast<double>(random() % 4) / 3.0 * (random() % 8 == 0 ? 9 : 1);
    const int num_stages = 1 + static_cast<int>(random() % costs.size());
    const std::vector<StageUnits> stages = balance_units(costs, num_stages);
    expect_cover(stages, costs.size(), num_stages);
    EXPECT_NEAR(largest(costs, stages), least_by_force(costs, num_stages), 1e-9) << "trial " << trial;
  }
}

TEST(BalanceUnits, ThousandsOfUnits) {
  std::mt19937 random(6);
  std::vector<double> costs(20000);
  for (double& cost : costs) cost = 1 + static_cast<double>(random() % 1000) / 1000;
  const std::vector<StageUnits> stages = balance_units(costs, 4096);
  expect_cover(stages, costs.size(), 4096);
  EXPECT_LT(largest(costs, stages), 2 * std::accumulate(costs.begin(), costs.end(), 0.0) / 4096);
}

TEST(BalanceUnits, RefusesWhatCannotBeCut) {
  const std::vector<double> three(3, 1.0);
  EXPECT_EQ(message_of(three, 4),
            "4 pipeline stages for 3 units (embedding, blocks, head): a stage holds at least one unit; use 3 stages at "
            "most, or more layers");
  EXPECT_EQ(message_of(three, 0), "0 pipeline stages: expected 1 or more");
  EXPECT_EQ(message_of(std::vector<double>{1, -2, 1}, 2), "the cost of unit 1 is -2: expected 0 or more");
}

}  // namespace
}  // namespace kumiko
