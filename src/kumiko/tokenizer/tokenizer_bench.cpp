#include "kumiko/tokenizer/tokenizer_bench.h"

#include <fmt/format.h>

#include <algorithm>

#include "kumiko/base/clock.h"
#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {

double TokenizerBenchResult::median_seconds() const {
  std::vector<double> sorted = seconds;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(sorted.size() / 2), sorted.end());
  return sorted[sorted.size() / 2];
}

TokenizerBenchResult bench_encode(const Tokenizer& tokenizer, const std::string& text, int64_t repetitions) {
  if (text.empty()) throw_user("no text to encode: the input is empty");
  if (repetitions < 1) throw_user("{} repetitions: expected at least 1", repetitions);
  TokenizerBenchResult result;
  result.bytes = static_cast<int64_t>(text.size());
  std::vector<int32_t> ids;
  for (int64_t repetition = 0; repetition < repetitions; ++repetition) {
    result.tokens = 0;
    const double start = seconds_now();
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
      ids.clear();
      tokenizer.encode(std::string_view(text).substr(begin, end - begin), ids);
      result.tokens += static_cast<int64_t>(ids.size());
      begin = end;
    }
    result.seconds.push_back(seconds_now() - start);
  }
  return result;
}

std::string bench_report(const TokenizerBenchResult& result, bool as_json) {
  const double seconds = result.median_seconds();
  const double megabytes = static_cast<double>(result.bytes) / 1e6 / seconds;
  const double tokens = static_cast<double>(result.tokens) / seconds;
  if (as_json) {
    return fmt::format(
        R"({{"bytes": {}, "tokens": {}, "median_seconds": {}, "megabytes_per_second": {}, "tokens_per_second": {}, )"
        R"("seconds": [{}]}})",
        result.bytes, result.tokens, seconds, megabytes, tokens, fmt::join(result.seconds, ", "));
  }
  return fmt::format("{} bytes, {} tokens, median of {}: {}, {:.1f} MB/s, {} tokens/s", with_thousands(result.bytes),
                     with_thousands(result.tokens), result.seconds.size(), human_seconds(seconds), megabytes,
                     human_count(tokens));
}

}  // namespace kumiko
