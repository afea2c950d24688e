// The two kinds of BPE tokenizer: pre-tokenise, look the piece up among the words seen before, else merge.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/pre_tokenizer.h"
#include "kumiko/tokenizer/tokenizer_model.h"

namespace kumiko {

// SentencePiece's mark for a space.
inline constexpr std::string_view space_mark = "\u2581";

// `ignore_merges`: a piece that is a token as it stands is that token, whatever the merges would make of it (Llama 3).
std::unique_ptr<TokenizerModel> make_byte_level_bpe(BpeVocabulary vocabulary,
                                                    std::unique_ptr<PreTokenizer> pre_tokenizer, bool ignore_merges);

// BPE over characters, with tokens as the file spells them.
struct CharacterBpe {
  std::vector<std::string> tokens;  // by id; an id that is not used is ""
  std::vector<BpeMerge> merges;     // the first is the most urgent
  std::optional<int32_t> unknown;   // for a character that has no token; without it such a character is dropped
  bool fuse_unknown = false;        // several in a row are one
  bool byte_fallback = false;       // a character without a token becomes its bytes, where each has a token <0xHH>
  bool ignore_merges = false;
};

// `pre_tokenizer` may be null: the text is one piece.
std::unique_ptr<TokenizerModel> make_character_bpe(CharacterBpe vocabulary,
                                                   std::unique_ptr<PreTokenizer> pre_tokenizer);

// The ids of the tokens "<0x00>" to "<0xFF>"; -1 where there is none.
std::array<int32_t, 256> find_byte_tokens(const std::vector<std::string>& tokens);

}  // namespace kumiko
