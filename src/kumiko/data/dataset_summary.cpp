#include "kumiko/data/dataset_summary.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <nlohmann/json.hpp>

#include "kumiko/base/text.h"

namespace kumiko {
namespace {

constexpr int64_t scan_limit = int64_t{1} << 30;
constexpr int64_t bar_width = 40;

std::string bin_label(int64_t from) {
  return from <= 1 ? with_thousands(from) : fmt::format("{} - {}", with_thousands(from), with_thousands(2 * from - 1));
}

std::string histogram(const DatasetSummary& summary) {
  int64_t largest = 1;
  for (const auto& bin : summary.sizes) largest = std::max(largest, bin.count);
  std::string text = "  tokens a sequence              sequences\n";
  for (const auto& bin : summary.sizes) {
    const int64_t bar = (bin.count * bar_width + largest - 1) / largest;
    text += fmt::format("  {:<24} {:>15}  {}\n", bin_label(bin.from), with_thousands(bin.count),
                        std::string(static_cast<size_t>(bar), '#'));
  }
  return text;
}

}  // namespace

DatasetSummary summarize(const IndexedDataset& dataset, int64_t num_first_tokens) {
  DatasetSummary summary;
  summary.prefix = dataset.prefix();
  summary.token_type = dataset.token_type();
  summary.num_documents = dataset.num_documents();
  summary.num_sequences = dataset.num_sequences();
  summary.num_tokens = dataset.num_tokens();
  summary.num_bytes = static_cast<int64_t>(std::filesystem::file_size(index_path(dataset.prefix())) +
                                           std::filesystem::file_size(tokens_path(dataset.prefix())));
  std::array<int64_t, 33> counts{};  // by bit width of the size
  for (int64_t i = 0; i < dataset.num_sequences(); ++i) {
    const int32_t size = dataset.sizes()[i];
    ++counts[static_cast<size_t>(std::bit_width(static_cast<uint32_t>(size)))];
    summary.shortest = i == 0 ? size : std::min<int64_t>(summary.shortest, size);
    summary.longest = std::max<int64_t>(summary.longest, size);
  }
  for (size_t width = 0; width < counts.size(); ++width) {
    if (counts[width] > 0) summary.sizes.push_back({width == 0 ? 0 : int64_t{1} << (width - 1), counts[width]});
  }
  summary.num_tokens_scanned = std::min(dataset.num_tokens(), scan_limit);
  summary.max_token_id = dataset.max_token_id(scan_limit);
  for (int64_t i = 0; i < dataset.num_sequences() && num_first_tokens > 0; ++i) {
    const int64_t count = std::min<int64_t>(dataset.sizes()[i], num_first_tokens);
    const size_t have = summary.first_tokens.size();
    summary.first_tokens.resize(have + static_cast<size_t>(count));
    dataset.read(i, 0, std::span(summary.first_tokens).subspan(have));
    num_first_tokens -= count;
  }
  return summary;
}

std::string to_text(const DatasetSummary& summary, const Decode& decode) {
  std::string text = fmt::format("dataset {}\n", summary.prefix);
  const auto line = [&](const char* name, const std::string& value) {
    text += fmt::format("  {:<20} {}\n", name, value);
  };
  line("documents", with_thousands(summary.num_documents));
  line("sequences", with_thousands(summary.num_sequences));
  line("tokens", with_thousands(summary.num_tokens));
  line("token type", token_type_name(summary.token_type));
  line("size on disk", human_bytes(static_cast<double>(summary.num_bytes)));
  if (summary.num_sequences > 0) {
    const double mean = static_cast<double>(summary.num_tokens) / static_cast<double>(summary.num_sequences);
    line("tokens a sequence",
         fmt::format("{} to {}, mean {:.1f}", with_thousands(summary.shortest), with_thousands(summary.longest), mean));
  }
  const bool whole = summary.num_tokens_scanned == summary.num_tokens;
  line("largest token id",
       fmt::format("{}{}", summary.max_token_id,
                   whole ? "" : fmt::format(" (of the first {})", with_thousands(summary.num_tokens_scanned))));
  line("first tokens", fmt::format("{}", fmt::join(summary.first_tokens, " ")));
  if (decode) line("which read", json_string(decode(summary.first_tokens)));
  return text + (summary.sizes.empty() ? "" : "\n" + histogram(summary));
}

std::string to_json(const DatasetSummary& summary, const Decode& decode) {
  nlohmann::ordered_json object = {
      {"prefix", summary.prefix},
      {"documents", summary.num_documents},
      {"sequences", summary.num_sequences},
      {"tokens", summary.num_tokens},
      {"token_type", token_type_name(summary.token_type)},
      {"bytes", summary.num_bytes},
      {"shortest_sequence", summary.shortest},
      {"longest_sequence", summary.longest},
      {"max_token_id", summary.max_token_id},
      {"tokens_scanned", summary.num_tokens_scanned},
      {"first_tokens", summary.first_tokens},
  };
  object["sequence_sizes"] = nlohmann::ordered_json::array();
  for (const auto& bin : summary.sizes) object["sequence_sizes"].push_back({{"from", bin.from}, {"count", bin.count}});
  if (decode) object["first_text"] = decode(summary.first_tokens);
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kumiko
