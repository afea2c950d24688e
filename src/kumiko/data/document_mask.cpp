#include "kumiko/data/document_mask.h"

#include <cstddef>

namespace kumiko {

void document_first_keys(std::span<const int32_t> tokens, int32_t end_of_document, std::span<int32_t> first_keys) {
  int32_t first = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    first_keys[i] = first;
    if (tokens[i] == end_of_document) first = static_cast<int32_t>(i + 1);
  }
}

void document_positions(std::span<const int32_t> tokens, int32_t end_of_document, std::span<int32_t> positions) {
  int32_t position = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    positions[i] = position++;
    if (tokens[i] == end_of_document) position = 0;
  }
}

void mask_targets_of_ends(std::span<const int32_t> tokens, int32_t end_of_document, std::span<int32_t> targets) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == end_of_document) targets[i] = -1;
  }
}

}  // namespace kumiko
