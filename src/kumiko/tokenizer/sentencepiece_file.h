// SentencePiece's own .model files, read and checked before the library or anyone else sees them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

struct SentencePiece {
  enum class Type : uint64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  std::string text;
  float score = 0;
  Type type = Type::normal;
};

struct SentencePieceFile {
  enum class Kind : uint64_t { unigram = 1, bpe = 2, word = 3, character = 4 };
  std::vector<SentencePiece> pieces;  // by id
  Kind kind = Kind::unigram;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool space_ends_words = false;             // the mark for a space belongs to the word before it
  bool byte_fallback = false;                // characters without a piece become bytes
  std::string unknown_surface = " \u2047 ";  // what an unknown token is printed as
  std::string charsmap;                      // the rules of normalisation, compiled; "" for none
  int64_t unknown_id = 0;
  int64_t begin_id = 1;  // -1: none
  int64_t end_id = 2;
  int64_t pad_id = -1;
};

// `model`: the bytes of the file, a protocol buffer of sentencepiece_model.proto. User error, naming the part, if it is
// damaged, or holds what the library would crash on: pieces that are empty, no text, or there twice, scores that are no
// numbers, ids beyond the vocabulary, rules of normalisation that lead out of their table.
SentencePieceFile read_sentencepiece_file(std::string_view model);

}  // namespace kumiko
