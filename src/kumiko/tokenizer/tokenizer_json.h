// The tokenizer.json of the Hugging Face `tokenizers` package, read and written, and GPT-2's own pair of files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// What tokenizer.json says, refusing by name each component that is not supported. The post-processor, truncation and
// padding are not read: they add and drop tokens, which is for the caller of encode() to do.
Tokenizer tokenizer_from_json(std::string_view text);

// `vocabulary`: a JSON object of token to id; `merges`: lines of two tokens, most urgent first. <|endoftext|> is a
// special token if the vocabulary has it.
Tokenizer tokenizer_from_vocabulary(std::string_view vocabulary, std::string_view merges);

// A tokenizer.json for GPT-2's pre-tokeniser; `special_tokens` are tokens of `vocabulary`.
std::string byte_level_bpe_json(const BpeVocabulary& vocabulary, const std::vector<std::string>& special_tokens);

}  // namespace kumiko
