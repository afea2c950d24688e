#include "kumiko/data/blend.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/data/numpy_random.h"

namespace kumiko {
namespace {

std::optional<double> parse_number(std::string_view field) {
  const std::string text(trim(field));
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return std::nullopt;
  return value;
}

// Megatron's own spelling: weights and prefixes between spaces ("0.3 a 0.7 b"). Only a text that begins with a weight
// is taken apart: a path may have spaces in it.
std::vector<std::string> fields_of(const std::vector<std::string>& data_path) {
  constexpr std::string_view blank = " \t\r\n";
  std::vector<std::string> fields;
  for (const std::string& text : data_path) {
    std::string_view rest = trim(text);
    const bool apart = rest.find_first_of(blank) != std::string_view::npos &&
                       parse_number(rest.substr(0, rest.find_first_of(blank))).has_value();
    while (apart && !rest.empty()) {
      const size_t end = std::min(rest.find_first_of(blank), rest.size());
      fields.emplace_back(rest.substr(0, end));
      rest = trim(rest.substr(end));
    }
    if (!apart) fields.emplace_back(rest);
  }
  return fields;
}

// Whether a list of odd length, which holds prefixes alone, looks like one of weights and prefixes with one left out.
bool misses_one(const std::vector<std::string>& fields) {
  if (fields.size() < 3) return false;
  for (size_t i = 0; i + 1 < fields.size(); i += 2) {
    if (!parse_number(fields[i]) || parse_number(fields[i + 1])) return false;
  }
  return true;
}

Blend unweighted(const std::vector<std::string>& data_path) {
  Blend blend;
  for (const std::string& prefix : data_path) blend.prefixes.emplace_back(trim(prefix));
  return blend;
}

}  // namespace

Blend parse_blend(const std::vector<std::string>& given) {
  const std::vector<std::string> data_path = fields_of(given);
  if (data_path.empty()) {
    throw_user(
        "data_path is empty: expected the prefix of a dataset (PREFIX.bin and PREFIX.idx), or weight prefix "
        "weight prefix ...");
  }
  if (data_path.size() > 2 * size_t{std::numeric_limits<int16_t>::max()}) {
    throw_user("data_path names {} things: at most {} datasets can be blended", data_path.size(),
               std::numeric_limits<int16_t>::max());
  }
  if (data_path.size() % 2 == 1) {
    if (misses_one(data_path)) {
      throw_user(
          "data_path has {} entries, the last \"{}\": a weight or a prefix is missing; expected weight prefix weight "
          "prefix ...",
          data_path.size(), data_path.back());
    }
    return unweighted(data_path);
  }
  Blend blend;
  for (size_t i = 0; i < data_path.size(); i += 2) {
    const std::optional<double> weight = parse_number(data_path[i]);
    if (!weight) continue;
    if (!std::isfinite(*weight) || *weight <= 0) {
      throw_user("data_path: weight {} of {} must be above 0; leave the dataset out instead", trim(data_path[i]),
                 trim(data_path[i + 1]));
    }
    blend.weights.push_back(*weight);
    blend.prefixes.emplace_back(trim(data_path[i + 1]));
  }
  if (blend.weights.empty()) return unweighted(data_path);
  for (size_t i = 0; i < data_path.size(); i += 2) {
    if (parse_number(data_path[i])) continue;
    throw_user(
        "data_path: \"{}\" stands where a weight is expected; write either prefixes alone or weight prefix "
        "weight prefix ...",
        data_path[i]);
  }
  return blend;
}

std::vector<double> normalize_weights(std::span<const double> weights) {
  const double sum = numpy_sum(weights);
  std::vector<double> normalized(weights.begin(), weights.end());
  for (double& weight : normalized) weight /= sum;
  return normalized;
}

BlendSize blend_size(double normalized_weight, int64_t num_samples) {
  const double used = std::ceil(static_cast<double>(num_samples) * normalized_weight);
  return {static_cast<int64_t>(used), static_cast<int64_t>(std::ceil(used * (1 + 0.005)))};
}

BlendIndex build_blend_index(std::span<const double> normalized_weights, int64_t num_samples) {
  BlendIndex index;
  index.dataset.reserve(static_cast<size_t>(num_samples));
  index.sample.reserve(static_cast<size_t>(num_samples));
  std::vector<int64_t> drawn(normalized_weights.size(), 0);
  for (int64_t i = 0; i < num_samples; ++i) {
    const double position = std::max(static_cast<double>(i), 1.0);
    size_t chosen = 0;
    double largest = std::numeric_limits<double>::lowest();
    for (size_t d = 0; d < drawn.size(); ++d) {
      const double error = normalized_weights[d] * position - static_cast<double>(drawn[d]);
      if (error > largest) {
        largest = error;
        chosen = d;
      }
    }
    index.dataset.push_back(static_cast<int16_t>(chosen));
    index.sample.push_back(drawn[chosen]++);
  }
  return index;
}

}  // namespace kumiko
