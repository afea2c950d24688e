// What a SentencePiece .model says about itself and the library does not tell.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kumiko {

struct SentencePieceOptions {
  enum class Kind : uint64_t { unigram = 1, bpe = 2, word = 3, character = 4 };
  Kind kind = Kind::unigram;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool space_ends_words = false;             // the mark for a space belongs to the word before it
  std::string unknown_surface = " \u2047 ";  // what an unknown token is printed as
};

// `model`: the bytes of the file, a protocol buffer of sentencepiece_model.proto (fields trainer_spec and
// normalizer_spec). Reading stops where it is damaged.
SentencePieceOptions read_sentencepiece_options(std::string_view model);

}  // namespace kumiko
