// Added tokens: strings that are found in the raw text, before anything else, and become one id each
// ("<|endoftext|>"). The rules are those of the `tokenizers` package.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kumiko/tokenizer/normalizer.h"

namespace kumiko {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  // only where no \w stands beside it
  bool lstrip = false;       // takes the white space on its left along
  bool rstrip = false;       // and on its right
  bool normalized = false;   // looked for after normalisation, so after those that are not
  bool special = false;      // steers the model and is no text
};

// Finds the leftmost and, of those, the longest added token, again and again. Built once, then safe from several
// threads.
class AddedTokenMatcher {
 public:
  // `normalizer` may be null; it outlives this. The content of a `normalized` token is normalised like the text.
  explicit AddedTokenMatcher(const std::vector<AddedToken>& tokens, const Normalizer* normalizer = nullptr);

  using TextSink = std::function<void(std::string_view text, TextStart start)>;
  using IdSink = std::function<void(int32_t id)>;

  // Hands over, in order, the normalised text between added tokens (never empty) and the ids of added tokens. `text` is
  // well-formed UTF-8.
  void cut(std::string_view text, TextStart start, const TextSink& on_text, const IdSink& on_id) const;

 private:
  // A trie over bytes. The tokens that are not `normalized` have one, the others another: the second is tried on what
  // the first leaves.
  class Trie {
   public:
    void add(const AddedToken& token);
    void cut(std::string_view text, TextStart start, const TextSink& on_text, const IdSink& on_id) const;

   private:
    static constexpr size_t none = static_cast<size_t>(-1);
    struct Node {
      std::vector<std::pair<char, size_t>> children;
      size_t token = none;
    };
    size_t child(size_t node, char byte) const;
    size_t find_first_byte(std::string_view text, size_t position) const;
    size_t longest_at(std::string_view text, size_t position) const;

    std::vector<AddedToken> tokens_;
    std::vector<Node> nodes_ = std::vector<Node>(1);
    std::string first_bytes_;  // of the tokens, each once
    std::array<bool, 256> is_first_byte_ = {};
  };

  Trie exact_;
  Trie normalized_;
  const Normalizer* normalizer_;
};

}  // namespace kumiko
