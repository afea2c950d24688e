// Unigram language-model tokenization (Kudo, 2018): of all ways to cut a text into tokens, the one with the largest sum
// of log probabilities.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kumiko/tokenizer/pre_tokenizer.h"
#include "kumiko/tokenizer/tokenizer_model.h"

namespace kumiko {

struct UnigramVocabulary {
  std::vector<std::string> tokens;  // by id
  std::vector<double> scores;       // log probabilities
  std::optional<int32_t> unknown;   // for characters that have no token; several in a row are one
  bool byte_fallback = false;       // such characters become bytes, where each has a token <0xHH>
};

// `pre_tokenizer` may be null: the text is one piece. encode() is a user error for a character that has no token if
// there is neither `unknown` nor a fallback.
std::unique_ptr<TokenizerModel> make_unigram(UnigramVocabulary vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer,
                                             bool pieces_are_words);

}  // namespace kumiko
