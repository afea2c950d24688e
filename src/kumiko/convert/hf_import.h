// A model folder of the Hugging Face family as a checkpoint, which trains, generates and is exported like any other.
#pragma once

#include <filesystem>

#include "kumiko/convert/elements.h"
#include "kumiko/model/options.h"

namespace kumiko {

struct HfImportOptions {
  std::filesystem::path input;  // the folder
  std::filesystem::path save;   // a directory of checkpoints, to be made: it must not hold anything yet
  int64_t block_elements = default_block_elements;
};

struct ConversionReport {
  ModelOptions model;
  std::filesystem::path path;  // what was written
  size_t bytes = 0;            // of tensors
  int64_t num_tensors = 0;
  double seconds = 0;
};

// Writes step 0, f32, with the folder's configuration; beside it the tokenizer and what else the folder keeps for
// generating, and model.toml, the [model] section for training on from here. Bits are kept: bf16 and f16 widen. The
// memory it takes does not depend on the size of the model. User error, before anything is written, if the
// configuration or any tensor does not fit; environment error if the disk is full, and then nothing stays.
ConversionReport import_hf(const HfImportOptions& options);

}  // namespace kumiko
