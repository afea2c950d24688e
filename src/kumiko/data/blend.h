// Mixing several datasets in given proportions, as Megatron does: which dataset gives the i-th sample, and how many
// samples each must hold. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kumiko {

// data_path as Megatron reads it: prefixes alone, or weight prefix weight prefix ..., as a list or with spaces between
// them ("0.3 a 0.7 b").
struct Blend {
  std::vector<std::string> prefixes;
  std::vector<double> weights;  // empty where none were given; otherwise one a prefix
};

// User error if the list is empty, if only some of the weights are numbers, or if a weight is not above 0.
Blend parse_blend(const std::vector<std::string>& data_path);

// Weights over their sum, rounded as NumPy rounds.
std::vector<double> normalize_weights(std::span<const double> weights);

// Samples that dataset d of a weighted blend gives (`used`), and the somewhat larger number that it is asked to hold
// (`built`, 0.5 % more): the greedy choice may draw from one of them a little more than its share.
struct BlendSize {
  int64_t used = 0;
  int64_t built = 0;
};
BlendSize blend_size(double normalized_weight, int64_t num_samples);

struct BlendIndex {
  std::vector<int16_t> dataset;  // the i-th sample of the blend is sample[i] of dataset[i]
  std::vector<int64_t> sample;
};

// At each i the dataset that maximises weights[d] * max(i, 1) - drawn[d]; the lowest number wins a tie.
BlendIndex build_blend_index(std::span<const double> normalized_weights, int64_t num_samples);

}  // namespace kumiko
