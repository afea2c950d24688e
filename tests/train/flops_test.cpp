#include "kumiko/train/flops.h"

#include <gtest/gtest.h>

#include "kumiko/model/presets.h"

namespace kumiko {
namespace {

// Of the papers' rows: heads, hidden, layers; vocabulary 51200, sequences of 2048.
ModelShape megatron_shape(int64_t heads, int64_t hidden, int64_t layers) {
  ModelShape shape;
  shape.num_layers = layers;
  shape.hidden = hidden;
  shape.num_heads = heads;
  shape.num_kv_heads = heads;
  shape.head_size = hidden / heads;
  shape.feed_forward = 4 * hidden;
  shape.seq_length = 2048;
  shape.vocab_size = 51200;
  shape.num_parameters = megatron_parameters(shape);
  return shape;
}

// PaLM (arXiv 2204.02311, section 4.1 and table 3), printed with one decimal of a percent.
TEST(ModelFlopsUtilization, IsThatOfPalm540B) {
  ModelShape palm;
  palm.num_layers = 118;
  palm.num_heads = 48;
  palm.head_size = 256;
  palm.seq_length = 2048;
  palm.num_parameters = 540.35e9;
  EXPECT_NEAR(model_flops_utilization(palm, 238.3e3, 6144, 275e12), 0.462, 0.0005);
}

TEST(ModelFlopsUtilization, IsThatOfMegatronTuringNlg530B) {
  const ModelShape shape = megatron_shape(128, 20480, 105);
  EXPECT_NEAR(model_flops_utilization(shape, 65.43e3, 2240, 312e12), 0.302, 0.0005);
}

// arXiv 2104.04473, table 1: parameters in billions with one decimal.
TEST(MegatronParameters, AreThoseOfTheTable) {
  EXPECT_NEAR(megatron_parameters(megatron_shape(24, 2304, 24)), 1.7e9, 0.05e9);
  EXPECT_NEAR(megatron_parameters(megatron_shape(32, 4096, 36)), 7.5e9, 0.05e9);
  EXPECT_NEAR(megatron_parameters(megatron_shape(64, 8192, 48)), 39.1e9, 0.05e9);
  EXPECT_NEAR(megatron_parameters(megatron_shape(96, 12288, 80)), 145.6e9, 0.05e9);
  EXPECT_NEAR(megatron_parameters(megatron_shape(128, 20480, 105)), 529.6e9, 0.05e9);
}

// arXiv 2205.05198, table 5: seconds printed to 0.01, MFU to 0.1 %.
TEST(MegatronFlops, GiveTheUtilizationOfSelectiveRecompute) {
  const double flops_22b = megatron_flops_per_step(megatron_shape(64, 6144, 48), 4, false);
  EXPECT_NEAR(flops_22b / (1.10 * 8 * 312e12), 0.415, 0.415 * 0.005 / 1.10 + 0.0005);
  const double flops_530b = megatron_flops_per_step(megatron_shape(128, 20480, 105), 280, false);
  EXPECT_NEAR(flops_530b / (37.83 * 280 * 312e12), 0.560, 0.560 * 0.005 / 37.83 + 0.0005);
}

TEST(MegatronFlops, OfFullRecomputeAddOneForwardOfTheLayers) {
  const ModelShape shape = megatron_shape(96, 12288, 80);
  const double layers_only = 24.0 * 2048 * 80 * 12288 * 12288 * (1 + 2048 / (6.0 * 12288));
  const double with = megatron_flops_per_step(shape, 1, true);
  EXPECT_NEAR(with - megatron_flops_per_step(shape, 1, false), layers_only, with * 1e-12);
}

// "GPT-3 on 300B tokens, 1024 A100 at 140 TF: 34 days".
TEST(MegatronTrainingDays, AreThoseOfGpt3) { EXPECT_NEAR(megatron_training_days(175e9, 300e9, 1024, 140e12), 34, 0.5); }

// Two ways to the same sum: the rows of the breakdown, and Megatron's closed form.
TEST(FlopsByRegion, AddUpToMegatronsFormula) {
  const ModelShape shape = megatron_shape(32, 4096, 36);
  double sum = 0;
  for (const auto& [row, flops] : flops_by_region(shape, 8)) sum += flops;
  const double expected = megatron_flops_per_step(shape, 8, false);
  EXPECT_NEAR(sum, expected, expected * 1e-12);
}

// The ranks of the tensor axis share the products; heads of keys that several ranks hold are computed by each.
TEST(FlopsByRegion, AreSharedByTheTensorAxis) {
  ModelShape shape = megatron_shape(8, 64, 2);
  shape.feed_forward = 27;  // uneven
  shape.num_kv_heads = 2;
  std::map<RegionRow, double> sum;
  for (int64_t rank = 0; rank < 4; ++rank) {
    for (const auto& [row, flops] : flops_by_region(shape, 8, {4, rank})) sum[row] += flops;
  }
  for (const auto& [row, whole] : flops_by_region(shape, 8)) {
    const bool of_keys = row == RegionRow::forward_attention_qkv || row == RegionRow::backward_attention_qkv;
    EXPECT_DOUBLE_EQ(sum[row], of_keys ? whole * (8 + 2 * 4) / (8 + 2 * 2) : whole) << name_of(row);
  }
}

// 6 N counts every parameter, the formula only those in products: GPT-2 124M ties its head to the token embedding, so
// they differ by the position embedding, biases and norms (0.9 M of 124.4 M).
TEST(FlopsPerToken, AgreesWithTheRowsForGpt2) {
  ModelOptions options;
  apply_preset(options, "gpt2-124m");
  const ModelShape gpt2 = ModelShape::of(options, 1024);
  double sum = 0;
  for (const auto& [row, flops] : flops_by_region(gpt2, 1)) sum += flops;
  const double outside_products = 1024 * 768 + 12 * (9 * 768 + 4 * 768) + 2 * 768;
  EXPECT_NEAR(flops_per_token(gpt2), sum / 1024 + 6 * outside_products, 1.0);
}

// Llama 3 8B has a head of its own, so the token embedding is in no product; nor are the norms.
TEST(FlopsPerToken, AgreesWithTheRowsForLlama) {
  ModelOptions options;
  apply_preset(options, "llama3-8b");
  const ModelShape llama = ModelShape::of(options, 8192);
  double sum = 0;
  for (const auto& [row, flops] : flops_by_region(llama, 1)) sum += flops;
  const double outside_products = 128256.0 * 4096 + (2 * 32 + 1) * 4096;
  EXPECT_NEAR(flops_per_token(llama), sum / 8192 + 6 * outside_products, 10.0);
}

}  // namespace
}  // namespace kumiko
