// From logits to the next token: temperature, top-k, top-p. A pure function of the logits and one uniform number.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kumiko/base/options.h"

namespace kumiko {

struct SamplingOptions {
  double temperature = 1;  // 0: always the most likely token
  int64_t top_k = 0;       // 0: no limit
  double top_p = 1;        // nucleus (Holtzman et al. 2020)
  int64_t seed = 1234;
  int64_t max_new_tokens = 200;

  void validate() const;
};

// The first drawable id whose logit is no finite number; none if all are.
std::optional<int32_t> first_bad_logit(std::span<const float> logits, const std::vector<uint8_t>& drawable);

// `uniform` in [0, 1) picks the token; ties among logits go to the lower id. Only ids with drawable[id] != 0 are picked
// (one entry a logit, at least one of them not 0), and their logits must be finite.
int32_t sample_token(std::span<const float> logits, const std::vector<uint8_t>& drawable,
                     const SamplingOptions& options, double uniform);

}  // namespace kumiko
