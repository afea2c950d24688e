#include "kumiko/train/scaling_bars.h"

#include "kumiko/base/error.h"

namespace kumiko {

size_t region_group(RegionRow row) {
  switch (row) {
    case RegionRow::forward_attention_qkv:
    case RegionRow::forward_attention_scores:
    case RegionRow::forward_attention_output:
      return 0;
    case RegionRow::forward_mlp:
      return 1;
    case RegionRow::forward_embedding:
    case RegionRow::forward_layer_norm:
    case RegionRow::forward_other:
      return 2;
    case RegionRow::forward_head_and_loss:
    case RegionRow::backward_head_and_loss:
      return 3;
    case RegionRow::backward_attention_qkv:
    case RegionRow::backward_attention_scores:
    case RegionRow::backward_attention_output:
      return 4;
    case RegionRow::backward_mlp:
      return 5;
    case RegionRow::backward_embedding:
    case RegionRow::backward_layer_norm:
    case RegionRow::backward_other:
      return 6;
    case RegionRow::recompute:
      return 7;
    case RegionRow::gradient_all_reduce:
    case RegionRow::weight_gather:
    case RegionRow::pipeline_wait:
    case RegionRow::forward_tensor_communication:
    case RegionRow::backward_tensor_communication:
      return 8;
    case RegionRow::optimizer:
      return 9;
    case RegionRow::batch_generator:
    case RegionRow::checkpoint:
    case RegionRow::evaluation:
    case RegionRow::other:
      return 10;
  }
  throw_internal("region row {} is in no group", static_cast<int>(row));
}

std::array<double, region_groups.size()> group_shares(const RegionTimes& times) {
  std::array<double, region_groups.size()> shares{};
  const auto total = static_cast<double>(times.nanoseconds());
  if (total <= 0) return shares;
  for (size_t row = 0; row < num_region_rows; ++row) {
    shares[region_group(static_cast<RegionRow>(row))] += static_cast<double>(times.rows[row].nanoseconds) / total;
  }
  return shares;
}

}  // namespace kumiko
