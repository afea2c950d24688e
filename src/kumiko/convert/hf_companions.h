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

}  // namespace kumiko
