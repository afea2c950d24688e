// The models of tokenizer.json: BPE, over bytes or over characters, and Unigram.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "kumiko/base/json_place.h"
#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/pre_tokenizer.h"
#include "kumiko/tokenizer/tokenizer_model.h"

namespace kumiko {

// The "model" object, of type "BPE", where every piece is bytes. User error, naming the place, for what is not
// supported.
std::unique_ptr<TokenizerModel> byte_level_bpe_from_json(const JsonPlace& model,
                                                         std::unique_ptr<PreTokenizer> pre_tokenizer);
// Whether it has a token for each of the 256 bytes, or nothing else to offer for one that is missing.
bool is_byte_level_bpe(const JsonPlace& model);

// The same over characters, tokens as they are spelled. `pre_tokenizer` may be null.
std::unique_ptr<TokenizerModel> character_bpe_from_json(const JsonPlace& model,
                                                        std::unique_ptr<PreTokenizer> pre_tokenizer);

// `vocabulary`: token to id; `merges`: pairs, or strings of two tokens with a space between.
BpeVocabulary bpe_vocabulary_from_json(const JsonPlace& vocabulary, const JsonPlace& merges);

// The "model" object, of type "Unigram". `pre_tokenizer` may be null.
std::unique_ptr<TokenizerModel> unigram_from_json(const JsonPlace& model, std::unique_ptr<PreTokenizer> pre_tokenizer,
                                                  bool pieces_are_words);

}  // namespace kumiko
