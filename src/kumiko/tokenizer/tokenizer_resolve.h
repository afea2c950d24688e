// A tokenizer and the settings beside it, put together.
#pragma once

#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_settings.h"

namespace kumiko {

// Adds the tokens that the settings name, and sets what begins, ends and pads texts. Ids are those that transformers
// gives: a token of the vocabulary keeps its own, others follow behind in order. User error, naming the place, for a
// token whose stated id is another.
void apply_settings(TokenizerParts& parts, const TokenizerSettings& settings);

// The same for added tokens with ids that a tokenizer.json lists itself: `place_of(i)` names the i-th in an error.
void check_added_ids(const TokenizerParts& parts, const std::function<std::string(size_t)>& place_of);

}  // namespace kumiko
