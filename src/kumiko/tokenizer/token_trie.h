// Finds every token that a text begins with: a trie over bytes as a double array (Aoe, 1989), one look at memory for
// each byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

class TokenTrie {
 public:
  // Tokens by id; an empty one is left out, and of two that are equal the later counts.
  explicit TokenTrie(const std::vector<std::string>& tokens);

  // Calls found(size_t length, int32_t id) for each token that `text` begins with, the shortest first.
  template <class Found>
  void each_prefix(std::string_view text, const Found& found) const {
    size_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const size_t next = static_cast<size_t>(nodes_[node].base) + static_cast<unsigned char>(text[i]);
      if (next >= nodes_.size() || nodes_[next].parent != static_cast<int32_t>(node)) return;
      node = next;
      if (nodes_[node].id >= 0) found(i + 1, nodes_[node].id);
    }
  }

  // The token itself, or -1.
  int32_t find(std::string_view token) const {
    int32_t result = -1;
    each_prefix(token, [&](size_t length, int32_t id) {
      if (length == token.size()) result = id;
    });
    return result;
  }

 private:
  struct Node {
    int32_t base = 1;     // the child for a byte is at base + byte
    int32_t parent = -1;  // -1: free
    int32_t id = -1;
  };
  void place_children(size_t node, std::string_view labels);

  std::vector<Node> nodes_ = std::vector<Node>(1);
  size_t first_free_ = 1;
};

}  // namespace kumiko
