// What a kind of tokenizer brings: ids for plain text, and bytes for ids. Everything that all kinds share (added
// tokens, ill-formed input, streaming) is in Tokenizer. A new kind (Unigram, byte fallback, SentencePiece) is a new
// implementation and a line in tokenizer_json.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

class TokenizerModel {
 public:
  virtual ~TokenizerModel() = default;

  // As `inspect` names it: "byte-level BPE".
  virtual std::string_view kind() const = 0;

  // Whether text must be well-formed UTF-8 before encode() sees it.
  virtual bool needs_utf8() const = 0;

  // Appends the ids of a text without added tokens. Safe from several threads at once.
  virtual void encode(std::string_view text, std::vector<int32_t>& ids) const = 0;

  // By id, the bytes that each token stands for; an id that is not used is "".
  virtual const std::vector<std::string>& tokens() const = 0;

  virtual int64_t num_merges() const { return 0; }
};

}  // namespace kumiko
