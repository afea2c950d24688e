// The rules of normalisation that SentencePiece compiles into one string of bytes ("precompiled_charsmap").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kumiko {

// A double-array trie (of Darts-clone: a unit holds the distance to its children, its label, and whether a value
// follows) from what is replaced to a place among the replacements.
class Charsmap {
 public:
  // `bytes`: u32 size of the trie in bytes, the trie, and the replacements, each ended by a zero byte. User error if it
  // is damaged: the trie leads out of its array or in circles, or a value is no beginning of a replacement.
  static Charsmap read(std::string_view bytes);

  // What replaces the shortest key that `text` begins with.
  std::optional<std::string_view> find(std::string_view text) const;

 private:
  Charsmap(std::vector<uint32_t> units, std::string replacements)
      : units_(std::move(units)), replacements_(std::move(replacements)) {}
  class Check;
  void check() const;
  void check_value(uint32_t value) const;

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace kumiko
