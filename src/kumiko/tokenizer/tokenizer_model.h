// What a kind of tokenizer brings: ids for plain text, and the tokens of its vocabulary. Everything that all kinds
// share (added tokens, normalisation, decoding, ill-formed input, streaming) is in Tokenizer. A new kind is a new
// implementation and a line in tokenizer_json.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/text_start.h"

namespace kumiko {

class TokenizerModel {
 public:
  virtual ~TokenizerModel() = default;

  // As `inspect` names it: "byte-level BPE".
  virtual std::string_view kind() const = 0;

  // Whether text must be well-formed UTF-8 before encode() sees it.
  virtual bool needs_utf8() const = 0;

  // Appends the ids of a normalised text without added tokens. Safe from several threads at once.
  virtual void encode(std::string_view text, TextStart start, std::vector<int32_t>& ids) const = 0;

  // By id, the tokens as the vocabulary spells them, for the decoder to read (the bytes that they stand for, where it
  // has nothing to do); an id that is not used is "".
  virtual const std::vector<std::string>& tokens() const = 0;

  // Whether the ids on both sides of a place that no token reaches across never depend on each other.
  virtual bool pieces_are_independent() const { return true; }

  virtual int64_t num_merges() const { return 0; }
};

}  // namespace kumiko
