// Byte-level BPE as a kind of tokenizer: pre-tokenise, look the piece up among the words seen before, else merge.
#pragma once

#include <memory>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/pre_tokenizer.h"
#include "kumiko/tokenizer/tokenizer_model.h"

namespace kumiko {

// `ignore_merges`: a piece that is a token as it stands is that token, whatever the merges would make of it (Llama 3).
std::unique_ptr<TokenizerModel> make_byte_level_bpe(BpeVocabulary vocabulary,
                                                    std::unique_ptr<PreTokenizer> pre_tokenizer, bool ignore_merges);

}  // namespace kumiko
