#include "kumiko/schedule/balance.h"

#include <algorithm>
#include <cmath>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Cuts are compared by sums that differ in rounding: relative to the sum of all costs.
constexpr double rounding = 1e-12;

void check(std::span<const double> costs, int num_stages) {
  if (num_stages < 1) throw_user("{} pipeline stages: expected 1 or more", num_stages);
  if (costs.size() < static_cast<size_t>(num_stages)) {
    throw_user(
        "{} pipeline stages for {} units (embedding, blocks, head): a stage holds at least one unit; use {} stages "
        "at most, or more layers",
        num_stages, costs.size(), costs.size());
  }
  for (size_t unit = 0; unit < costs.size(); ++unit) {
    if (!std::isfinite(costs[unit]) || costs[unit] < 0) {
      throw_user("the cost of unit {} is {}: expected 0 or more", unit, costs[unit]);
    }
  }
}

// sums[n]: of the first n costs.
std::vector<double> running_sums(std::span<const double> costs) {
  std::vector<double> sums = {0};
  for (const double cost : costs) sums.push_back(sums.back() + cost);
  return sums;
}

// [u]: the least number of runs, each of at most `most`, that units u, u + 1, ... can be cut into.
std::vector<int> runs_needed(const std::vector<double>& sums, double most) {
  const size_t num_units = sums.size() - 1;
  std::vector<int> needed(num_units + 1, 0);
  size_t end = num_units;
  for (size_t unit = num_units; unit-- > 0;) {
    while (sums[end] - sums[unit] > most) --end;
    needed[unit] = needed[end] + 1;
  }
  return needed;
}

// The smallest `most` for which units can be cut into `num_stages` runs.
double least_largest(std::span<const double> costs, const std::vector<double>& sums, int num_stages) {
  const double total = sums.back();
  const double slack = rounding * total;
  // A run of one unit has to be possible whatever the sums' rounding.
  double low = std::max(*std::max_element(costs.begin(), costs.end()), total / num_stages) + slack;
  if (runs_needed(sums, low)[0] <= num_stages) return low;
  double high = total + slack;
  while (high - low > slack) {
    const double middle = low + (high - low) / 2;
    (runs_needed(sums, middle)[0] <= num_stages ? high : low) = middle;
  }
  return high;
}

}  // namespace

std::vector<StageUnits> balance_units(std::span<const double> costs, int num_stages) {
  check(costs, num_stages);
  const std::vector<double> sums = running_sums(costs);
  const double most = least_largest(costs, sums, num_stages);
  const double slack = rounding * sums.back();
  const std::vector<int> needed = runs_needed(sums, most);
  const auto num_units = static_cast<int>(costs.size());
  const auto sum_to = [&sums](int unit) { return sums[static_cast<size_t>(unit)]; };

  std::vector<StageUnits> stages;
  int begin = 0;
  for (int left = num_stages - 1; left >= 0; --left) {
    const double share = (sums.back() - sum_to(begin)) / (left + 1);
    int end = begin + 1;
    // More: while the rest does not fit into the stages that are left, or until the share is reached.
    while (num_units - end > left && sum_to(end + 1) - sum_to(begin) <= most &&
           (needed[static_cast<size_t>(end)] > left || sum_to(end) - sum_to(begin) < share - slack)) {
      ++end;
    }
    stages.push_back({begin, end});
    begin = end;
  }
  return stages;
}

}  // namespace kumiko
