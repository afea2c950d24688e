// What an indexed dataset holds, for a person and for programs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "kumiko/data/indexed_dataset.h"

namespace kumiko {

struct DatasetSummary {
  // Sequences of at least `from` tokens and fewer than twice that (the first bin: of no tokens).
  struct SizeBin {
    int64_t from = 0;
    int64_t count = 0;
  };

  std::string prefix;
  TokenType token_type{};
  int64_t num_documents = 0;
  int64_t num_sequences = 0;
  int64_t num_tokens = 0;
  int64_t num_bytes = 0;  // of both files
  int64_t shortest = 0;   // tokens in a sequence
  int64_t longest = 0;
  std::vector<SizeBin> sizes;  // those that are not empty, in order
  int64_t max_token_id = -1;
  int64_t num_tokens_scanned = 0;  // for max_token_id: the first 2^30 at most
  std::vector<int32_t> first_tokens;
};

// Reads the whole index and up to 2^30 tokens.
DatasetSummary summarize(const IndexedDataset& dataset, int64_t num_first_tokens);

// `decode` turns tokens into text; empty: no text is shown.
using Decode = std::function<std::string(std::span<const int32_t>)>;
std::string to_text(const DatasetSummary& summary, const Decode& decode);
// One JSON object in one line, without newline.
std::string to_json(const DatasetSummary& summary, const Decode& decode);

// Text as a JSON string with its quotes; ill-formed UTF-8 becomes U+FFFD.
std::string json_string(const std::string& text);

}  // namespace kumiko
