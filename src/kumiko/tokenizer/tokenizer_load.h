// The settings that decide how a tokenizer's files are read.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kumiko/tokenizer/tokenizer_json.h"
#include "kumiko/tokenizer/tokenizer_sentencepiece.h"
#include "kumiko/tokenizer/tokenizer_settings.h"

namespace kumiko {

// The cutter of vocab.json with merges.txt. User error for a class whose own is not known here.
PairPattern pattern_of(const TokenizerSettings& settings);

// The spaces that are put before texts for a .model. User error for a class that changes ids or texts.
SpacePrefix prefix_of(const TokenizerSettings& settings);

// add_prefix_space, where it stands beside a tokenizer.json: changes the document for a class that goes by the setting.
// User error where tokenizer.json says otherwise and programs differ.
void apply_prefix_space(nlohmann::json& document, const TokenizerSettings& settings);

}  // namespace kumiko
