// A checkpoint as a model folder of the Hugging Face family.
#pragma once

#include <string_view>

#include "kumiko/convert/hf_import.h"
#include "kumiko/tensor/dtype.h"

namespace kumiko {

struct HfExportOptions {
  std::filesystem::path load;               // a checkpoint, or a directory of them, of which the latest is taken
  std::filesystem::path output;             // the folder to make: it must not hold anything yet
  DType dtype = DType::f32;                 // or bf16, f16
  int64_t max_shard_bytes = 5'000'000'000;  // of tensors in a file; a larger tensor has a file of its own
  int64_t block_elements = default_block_elements;
};

// "5GB", "300MB", "10KB", "2GiB" or a number of bytes. User error for anything else.
int64_t parse_file_size(std::string_view text);

// Writes config.json, the weights in one safetensors file or in several with an index, and the tokenizer and what else
// is kept beside the checkpoint. Rounds to nearest, ties to even. The folder appears whole or not at all; the memory it
// takes does not depend on the size of the model. User error if the checkpoint is not of the model that its record
// describes, the folder is not empty, or a value is beyond the range of `dtype`.
ConversionReport export_hf(const HfExportOptions& options);

}  // namespace kumiko
