#include "kumiko/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {

void SamplingOptions::validate() const {
  if (!(temperature >= 0)) throw_user("--temperature {}: expected 0 or more", temperature);
  if (top_k < 0) throw_user("--top-k {}: expected 0 (no limit) or more", top_k);
  if (!(top_p > 0 && top_p <= 1)) throw_user("--top-p {}: expected more than 0 and at most 1", top_p);
  if (max_new_tokens < 0) throw_user("--max-new-tokens {}: expected 0 or more", max_new_tokens);
}

std::optional<int32_t> first_bad_logit(std::span<const float> logits, const std::vector<uint8_t>& drawable) {
  for (size_t id = 0; id < logits.size(); ++id) {
    if (drawable[id] != 0 && !std::isfinite(logits[id])) return static_cast<int32_t>(id);
  }
  return std::nullopt;
}

int32_t sample_token(std::span<const float> logits, const std::vector<uint8_t>& drawable,
                     const SamplingOptions& options, double uniform) {
  std::vector<int32_t> order;
  order.reserve(logits.size());
  for (size_t id = 0; id < logits.size(); ++id) {
    if (drawable[id] != 0) order.push_back(static_cast<int32_t>(id));
  }
  if (order.empty()) throw_internal("sampling from {} logits of which none may be drawn", logits.size());
  const auto more_likely = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)];
    const float y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  if (options.temperature == 0) return *std::min_element(order.begin(), order.end(), more_likely);
  size_t kept = order.size();
  if (options.top_k > 0) kept = std::min(kept, static_cast<size_t>(options.top_k));
  if (kept < order.size()) {
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), more_likely);
    order.resize(kept);
  } else {
    std::sort(order.begin(), order.end(), more_likely);
  }

  std::vector<double> cumulative(kept);
  const double largest = logits[static_cast<size_t>(order[0])];
  double sum = 0;
  for (size_t i = 0; i < kept; ++i) {
    sum += std::exp((static_cast<double>(logits[static_cast<size_t>(order[i])]) - largest) / options.temperature);
    cumulative[i] = sum;
  }
  // The nucleus: the fewest tokens whose probabilities reach top_p.
  if (options.top_p < 1) {
    const auto end = std::lower_bound(cumulative.begin(), cumulative.end(), options.top_p * sum);
    kept = std::min(kept, static_cast<size_t>(end - cumulative.begin()) + 1);
    sum = cumulative[kept - 1];
  }
  const auto chosen =
      std::upper_bound(cumulative.begin(), cumulative.begin() + static_cast<std::ptrdiff_t>(kept), uniform * sum);
  return order[std::min(static_cast<size_t>(chosen - cumulative.begin()), kept - 1)];
}

}  // namespace kumiko
