#include "kumiko/tokenizer/token_trie.h"

#include <algorithm>
#include <numeric>

namespace kumiko {

TokenTrie::TokenTrie(const std::vector<std::string>& tokens) {
  nodes_[0].parent = 0;
  std::vector<int32_t> order(tokens.size());
  std::iota(order.begin(), order.end(), 0);
  const auto token = [&](size_t rank) -> std::string_view { return tokens[static_cast<size_t>(order[rank])]; };
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return tokens[static_cast<size_t>(a)] < tokens[static_cast<size_t>(b)];
  });
  // The tokens [begin, end) share their first `depth` bytes, which lead to `node`.
  struct Span {
    size_t node, begin, end, depth;
  };
  std::vector<Span> open = {{0, 0, tokens.size(), 0}};
  while (!open.empty()) {
    const Span span = open.back();
    open.pop_back();
    size_t begin = span.begin;
    for (; begin < span.end && token(begin).size() == span.depth; ++begin) {
      if (span.depth > 0) nodes_[span.node].id = order[begin];
    }
    std::string labels;
    for (size_t rank = begin; rank < span.end; ++rank) {
      const char label = token(rank)[span.depth];
      if (labels.empty() || labels.back() != label) labels += label;
    }
    if (labels.empty()) continue;
    place_children(span.node, labels);
    for (const char label : labels) {
      size_t end = begin;
      while (end < span.end && token(end)[span.depth] == label) ++end;
      const size_t child = static_cast<size_t>(nodes_[span.node].base) + static_cast<unsigned char>(label);
      open.push_back({child, begin, end, span.depth + 1});
      begin = end;
    }
  }
}

// At the first base where all children find a free place.
void TokenTrie::place_children(size_t node, std::string_view labels) {
  constexpr size_t max_tries = 512;  // then behind everything: a few free places are lost
  const auto lowest = static_cast<size_t>(static_cast<unsigned char>(labels.front()));
  while (first_free_ < nodes_.size() && nodes_[first_free_].parent >= 0) ++first_free_;
  size_t base = std::max<size_t>(first_free_, lowest + 1) - lowest;
  for (size_t tries = 0;; ++tries, ++base) {
    if (tries == max_tries) base = std::max(base, nodes_.size());
    const bool fits = std::all_of(labels.begin(), labels.end(), [&](char label) {
      const size_t place = base + static_cast<unsigned char>(label);
      return place >= nodes_.size() || nodes_[place].parent < 0;
    });
    if (fits) break;
  }
  nodes_[node].base = static_cast<int32_t>(base);
  for (const char label : labels) {
    const size_t place = base + static_cast<unsigned char>(label);
    if (place >= nodes_.size()) nodes_.resize(place + 1);
    nodes_[place].parent = static_cast<int32_t>(node);
  }
}

}  // namespace kumiko
