// How fast a tokenizer encodes, by itself: no process start, no loading, no printing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

struct TokenizerBenchResult {
  int64_t bytes = 0;
  int64_t tokens = 0;
  std::vector<double> seconds;  // of each repetition, in the order they ran

  double median_seconds() const;
};

// Encodes `text` `repetitions` times on this thread, one line (with its line feed) at a time: as documents come. The
// first repetition finds an empty word cache.
TokenizerBenchResult bench_encode(const Tokenizer& tokenizer, const std::string& text, int64_t repetitions);

std::string bench_report(const TokenizerBenchResult& result, bool as_json);

}  // namespace kumiko
