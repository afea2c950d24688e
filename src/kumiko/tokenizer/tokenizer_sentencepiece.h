// SentencePiece's own .model files, read and run by its library.
#pragma once

#include <string_view>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// Before which texts the mark for a space goes that stands for none.
enum class SpacePrefix {
  by_model,  // as the file says, before every text between added tokens, even one that begins with a space
  always,    // before every text between added tokens that does not begin with a space
  first,     // the same, at the beginning of the whole text only
  never
};

// `model`: the bytes of the file. User error if they are no model, or in a build without the library.
TokenizerParts parts_from_sentencepiece(std::string_view model, SpacePrefix prefix = SpacePrefix::by_model);

}  // namespace kumiko
