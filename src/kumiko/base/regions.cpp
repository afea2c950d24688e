#include "kumiko/base/regions.h"

#include <utility>

namespace kumiko {

std::string_view name_of(RegionRow row) {
  static constexpr std::array<std::string_view, num_region_rows> names = {
      "batch generator",
      "forward: embedding",
      "forward: layer norm",
      "forward: attention qkv",
      "forward: attention scores",
      "forward: attention output",
      "forward: mlp",
      "forward: head and loss",
      "forward: other",
      "backward: embedding",
      "backward: layer norm",
      "backward: attention qkv",
      "backward: attention scores",
      "backward: attention output",
      "backward: mlp",
      "backward: head and loss",
      "backward: other",
      "recompute",
      "gradient all-reduce (exposed)",
      "optimizer",
      "checkpoint",
      "evaluation",
      "other",
  };
  static_assert(static_cast<size_t>(RegionRow::other) + 1 == num_region_rows);
  return names[static_cast<size_t>(row)];
}

int64_t RegionTimes::nanoseconds() const {
  int64_t sum = 0;
  for (const RegionTime& row : rows) sum += row.nanoseconds;
  return sum;
}

RegionTimes RegionTimer::take() {
  change(row_);
  return std::exchange(times_, {});
}

}  // namespace kumiko
