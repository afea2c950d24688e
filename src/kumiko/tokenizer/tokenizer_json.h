// The tokenizer.json of the Hugging Face `tokenizers` package, read and written, and GPT-2's own pair of files.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/bpe.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// What tokenizer.json says, refusing by name each component that is not supported. Of the post-processor only the token
// that begins a text is read; truncation and padding are not: they add and drop tokens, which is for the caller of
// encode() to do.
TokenizerParts parts_from_json(const nlohmann::json& document);
Tokenizer tokenizer_from_json(std::string_view text);

// The pre-tokenizer that belongs to a pair of files, which do not say it themselves. Qwen2 also normalises to NFC.
enum class PairPattern { gpt2, qwen2 };

// `vocabulary`: a JSON object of token to id; `merges`: lines of two tokens, most urgent first. <|endoftext|> is a
// special token if the vocabulary has it.
TokenizerParts parts_from_vocabulary(std::string_view vocabulary, std::string_view merges, PairPattern pattern,
                                     bool add_prefix_space);

// A tokenizer.json for GPT-2's pre-tokeniser; `special_tokens` are tokens of `vocabulary`.
std::string byte_level_bpe_json(const BpeVocabulary& vocabulary, const std::vector<std::string>& special_tokens);

}  // namespace kumiko
