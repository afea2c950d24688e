// From logits to the next token: temperature, top-k, top-p. A pure function of the logits and one uniform number.
#pragma once

#include <cstdint>
#include <span>

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

// `uniform` in [0, 1) picks the token; ties among logits go to the lower id.
int32_t sample_token(std::span<const float> logits, const SamplingOptions& options, double uniform);

}  // namespace kumiko
