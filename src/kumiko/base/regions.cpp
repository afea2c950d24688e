#include "kumiko/base/regions.h"

#include <utility>

namespace kumiko {

std::string_view name_of(Phase phase) {
  static constexpr std::array<std::string_view, num_phases> names = {"none", "forward", "backward", "recompute",
                                                                     "evaluation"};
  static_assert(static_cast<size_t>(Phase::evaluation) + 1 == num_phases);
  return names[static_cast<size_t>(phase)];
}

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
      "forward: tensor axis wait",
      "forward: other",
      "backward: embedding",
      "backward: layer norm",
      "backward: attention qkv",
      "backward: attention scores",
      "backward: attention output",
      "backward: mlp",
      "backward: head and loss",
      "backward: tensor axis wait",
      "backward: other",
      "recompute",
      "gradient all-reduce (exposed)",
      "weight gather (exposed)",
      "pipeline wait",
      "optimizer",
      "checkpoint",
      "evaluation",
      "other",
  };
  static_assert(static_cast<size_t>(RegionRow::other) + 1 == num_region_rows);
  return names[static_cast<size_t>(row)];
}

std::string_view span_name(Phase phase, Region region) {
  static constexpr std::array<std::string_view, num_regions> recomputed = {
      "recompute: embedding",           "recompute: layer norm",       "recompute: attention qkv",
      "recompute: attention scores",    "recompute: attention output", "recompute: mlp",
      "recompute: head and loss",       "recompute: tensor axis wait", "recompute: batch generator",
      "recompute: gradient all-reduce", "recompute: weight gather",    "recompute: pipeline wait",
      "recompute: optimizer",           "recompute: checkpoint",       "recompute: other",
  };
  static constexpr std::array<std::string_view, num_regions> evaluated = {
      "evaluation: embedding",           "evaluation: layer norm",       "evaluation: attention qkv",
      "evaluation: attention scores",    "evaluation: attention output", "evaluation: mlp",
      "evaluation: head and loss",       "evaluation: tensor axis wait", "evaluation: batch generator",
      "evaluation: gradient all-reduce", "evaluation: weight gather",    "evaluation: pipeline wait",
      "evaluation: optimizer",           "evaluation: checkpoint",       "evaluation: other",
  };
  static_assert(static_cast<size_t>(Region::other) + 1 == num_regions);
  if (phase == Phase::recompute) return recomputed[static_cast<size_t>(region)];
  if (phase == Phase::evaluation) return evaluated[static_cast<size_t>(region)];
  return name_of(region_row(phase, region));
}

int64_t RegionTimes::nanoseconds() const {
  int64_t sum = 0;
  for (const RegionTime& row : rows) sum += row.nanoseconds;
  return sum;
}

void RegionTimer::record(std::string_view name, int64_t begin) const {
  if (recorder_ == nullptr) return;
  TraceEvent event;
  event.name = name;
  event.category = phase_ == Phase::none ? "step" : name_of(phase_);
  event.begin = begin;
  event.end = since_;
  event.step = recorder_->step();
  event.micro_batch = recorder_->micro_batch();
  recorder_->record(event);
}

RegionTimes RegionTimer::take() {
  change(row_);
  return std::exchange(times_, {});
}

}  // namespace kumiko
