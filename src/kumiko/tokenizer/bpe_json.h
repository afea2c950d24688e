// The parts of tokenizer.json that belong to byte-level BPE.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/pre_tokenizer.h"
#include "kumiko/tokenizer/tokenizer_json_place.h"
#include "kumiko/tokenizer/tokenizer_model.h"

namespace kumiko {

// The "model" object, of type "BPE". User error, naming the place, for what byte-level BPE does not have.
std::unique_ptr<TokenizerModel> bpe_model_from_json(const JsonPlace& model,
                                                    std::unique_ptr<PreTokenizer> pre_tokenizer);

// `vocabulary`: token to id; `merges`: pairs, or strings of two tokens with a space between.
BpeVocabulary bpe_vocabulary_from_json(const JsonPlace& vocabulary, const JsonPlace& merges);

// The "pre_tokenizer" object: ByteLevel, perhaps behind Split and Digits in a Sequence.
std::unique_ptr<PreTokenizer> pre_tokenizer_from_json(const JsonPlace& place);

}  // namespace kumiko
