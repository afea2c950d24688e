// The whole model's gradient, in double, against finite differences of its loss.
#include <gtest/gtest.h>

#include <cmath>

#include "model/tiny_model.h"

namespace kumiko {
namespace {

void check_gradients(const ModelOptions& options) {
  TinyModel tiny(options, make_reference_kernels(), DType::f64);
  tiny.backward(WeightWork::When::at_once);
  EXPECT_TRUE(tiny.stash.empty());
  for (const auto& parameter : tiny.model.parameters().all()) {
    const auto values = parameter->value.elements<double>();
    const auto gradient = parameter->gradient.elements<double>();
    // A few elements of each tensor, spread over it.
    for (size_t i = 0; i < values.size(); i += 1 + values.size() / 5) {
      const double kept = values[i];
      const double h = 1e-5;
      const auto loss_at = [&](double value) {
        values[i] = value;
        tiny.model.prepare(*tiny.kernels);
        return tiny.mean_loss(true);
      };
      const double difference = (loss_at(kept + h) - loss_at(kept - h)) / (2 * h);
      loss_at(kept);
      // Truncation h^2 f''' / 6 and rounding eps |loss| / h, both far below 1e-8 for values of order one.
      EXPECT_NEAR(gradient[i], difference, 1e-8 + 1e-7 * std::abs(difference))
          << parameter->parts.front().name << " element " << i;
    }
  }
}

TEST(ModelGradient, MatchesFiniteDifferences) { check_gradients(tiny_options()); }

TEST(ModelGradient, MatchesWithDropout) {
  ModelOptions options = tiny_options();
  options.hidden_dropout = 0.2;
  options.attention_dropout = 0.3;
  check_gradients(options);
}

TEST(ModelGradient, MatchesUntiedWithUnevenSizes) {
  ModelOptions options = tiny_options();
  options.num_layers = 1;
  options.hidden_size = 15;
  options.ffn_hidden_size = 7;
  options.num_attention_heads = 5;
  options.untie_embeddings_and_output_weights = true;
  check_gradients(options);
}

TEST(ModelGradient, MatchesForLlama) { check_gradients(tiny_llama_options()); }

TEST(ModelGradient, MatchesForAWindow) { check_gradients(tiny_window_options()); }

TEST(ModelGradient, MatchesForLlamaWithBiasesScalingAndDropout) {
  ModelOptions options = tiny_llama_options();
  options.add_qkv_bias = true;
  options.untie_embeddings_and_output_weights = true;
  options.use_rope_scaling = true;
  options.rope_original_max_position_embeddings = 16;
  options.hidden_dropout = 0.2;
  options.attention_dropout = 0.3;
  check_gradients(options);
}

TEST(ModelGradient, MatchesForLlamaWithOneHeadOfKeysAndUnevenSizes) {
  ModelOptions options = tiny_llama_options();
  options.num_layers = 1;
  options.hidden_size = 15;
  options.num_attention_heads = 5;
  options.num_query_groups = 1;
  options.kv_channels = 2;
  options.ffn_hidden_size = 7;
  check_gradients(options);
}

}  // namespace
}  // namespace kumiko
