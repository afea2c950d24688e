// A checkpoint as one GGUF file, which llama.cpp and what is built on it read.
#pragma once

#include <string>

#include "kumiko/convert/gguf_writer.h"
#include "kumiko/convert/hf_import.h"

namespace kumiko {

struct GgufExportOptions {
  std::filesystem::path load;     // a checkpoint, or a directory of them, of which the latest is taken
  std::filesystem::path output;   // the file to make: it must not be there yet
  GgufType type = GgufType::f16;  // of matrices; norms, biases and positions are f32
  bool tokenizer = true;          // false: without one, for programs that bring their own
  int64_t block_elements = default_block_elements;
};

// Writes sizes, tokenizer and tensors under the names and in the order of rows that llama.cpp wants: GPT-2 as "gpt2",
// Llama and Mistral as "llama", with the rows of queries and keys in pairs (2 i, 2 i + 1), Qwen2 as "qwen2". In Q8_0 a
// matrix whose rows do not divide by 32 is f16, with a warning. The file appears whole or not at all; the memory it
// takes does not depend on the size of the model. User error for a model that llama.cpp does not compute.
ConversionReport export_gguf(const GgufExportOptions& options);

}  // namespace kumiko
