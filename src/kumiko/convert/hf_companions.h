// What a model folder holds beside config.json and the weights, on the way out.
#pragma once

#include <filesystem>

#include "kumiko/convert/checkpoint_source.h"
#include "kumiko/convert/hf_config.h"

namespace kumiko {

// The ids that the kept generation_config.json names, or else those of the tokenizer; null where neither does.
HfTokenIds token_ids_of(const CheckpointSource& source);

// Copies the companion files kept beside the checkpoint into `folder`. Where a tokenizer is kept without the settings
// that other programs expect, they are made up for it.
void write_companions(const CheckpointSource& source, const std::filesystem::path& folder);

// Adds the ids of the tokens that begin, end and pad texts, which `config` (a config.json) names, to the
// generation_config.json kept in `directory`, where that does not name its own.
void keep_token_ids(const std::filesystem::path& config, const std::filesystem::path& directory);

}  // namespace kumiko
