#include "kumiko/train/flops.h"

#include "kumiko/model/model.h"

namespace kumiko {

ModelShape ModelShape::of(const ModelOptions& model, int64_t seq_length) {
  ModelShape shape;
  shape.num_layers = model.num_layers;
  shape.hidden = model.hidden_size;
  shape.num_heads = model.num_attention_heads;
  shape.num_kv_heads = model.num_kv_heads();
  shape.head_size = model.head_size();
  shape.feed_forward = model.feed_forward_size();
  shape.mlp_matrices = model.architecture == Architecture::llama ? 3 : 2;
  shape.seq_length = seq_length;
  shape.vocab_size = model.vocab_size;
  shape.num_parameters = static_cast<double>(count_parameters(model));
  return shape;
}

double flops_per_token(const ModelShape& shape) {
  const double attention = 12.0 * static_cast<double>(shape.num_layers) * static_cast<double>(shape.num_heads) *
                           static_cast<double>(shape.head_size) * static_cast<double>(shape.seq_length);
  return 6.0 * shape.num_parameters + attention;
}

double model_flops_utilization(const ModelShape& shape, double tokens_per_second, int64_t num_devices, double peak) {
  return tokens_per_second * flops_per_token(shape) / (static_cast<double>(num_devices) * peak);
}

double megatron_parameters(const ModelShape& shape) {
  const auto layers = static_cast<double>(shape.num_layers);
  const auto hidden = static_cast<double>(shape.hidden);
  const auto rows = static_cast<double>(shape.vocab_size + shape.seq_length);
  return 12 * layers * hidden * hidden * (1 + 13 / (12 * hidden) + rows / (12 * layers * hidden));
}

double megatron_flops_per_step(const ModelShape& shape, int64_t num_sequences, bool full_recompute) {
  const auto layers = static_cast<double>(shape.num_layers);
  const auto hidden = static_cast<double>(shape.hidden);
  const auto length = static_cast<double>(shape.seq_length);
  const double tokens = static_cast<double>(num_sequences) * length;
  const double factor = full_recompute ? 96 : 72;
  const double head = static_cast<double>(shape.vocab_size) / ((full_recompute ? 16 : 12) * layers * hidden);
  return factor * tokens * layers * hidden * hidden * (1 + length / (6 * hidden) + head);
}

double megatron_training_days(double num_parameters, double num_tokens, int64_t num_devices, double flops_per_second) {
  constexpr double seconds_per_day = 86400;
  return 8 * num_tokens * num_parameters / (static_cast<double>(num_devices) * flops_per_second) / seconds_per_day;
}

std::map<RegionRow, double> flops_by_region(const ModelShape& shape, int64_t num_sequences,
                                            const TensorParallel& part) {
  const auto layers = static_cast<double>(shape.num_layers);
  const auto hidden = static_cast<double>(shape.hidden);
  const auto length = static_cast<double>(shape.seq_length);
  const double tokens = static_cast<double>(num_sequences) * length;
  const int64_t heads = part.share(shape.num_heads).size();
  const int64_t kv_heads = part.share(shape.num_kv_heads).size();
  const auto attention_width = static_cast<double>(heads * shape.head_size);
  const auto qkv_width = static_cast<double>((heads + 2 * kv_heads) * shape.head_size);
  const auto mlp_weights = static_cast<double>(shape.mlp_matrices * part.share(shape.feed_forward).size()) * hidden;
  const std::map<Region, double> forward = {
      {Region::attention_qkv, 2 * tokens * layers * hidden * qkv_width},
      {Region::attention_scores, 2 * tokens * layers * 2 * length * attention_width},
      {Region::attention_output, 2 * tokens * layers * attention_width * hidden},
      {Region::mlp, 2 * tokens * layers * mlp_weights},
  };
  std::map<RegionRow, double> result;
  for (const auto& [region, flops] : forward) {
    result[region_row(Phase::forward, region)] = flops;
    result[region_row(Phase::backward, region)] = 2 * flops;  // input gradient and weight gradient
  }
  // The head takes its gradients in the forward, while the logits exist.
  result[RegionRow::forward_head_and_loss] =
      3 * 2 * tokens * hidden * static_cast<double>(part.share(shape.vocab_size).size());
  return result;
}

}  // namespace kumiko
