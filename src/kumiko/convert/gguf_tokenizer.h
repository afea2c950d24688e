// A tokenizer as llama.cpp reads it from a GGUF file.
#pragma once

#include <cstdint>
#include <filesystem>

#include "kumiko/convert/gguf_writer.h"
#include "kumiko/convert/hf_config.h"

namespace kumiko {

// Adds the tokenizer kept in `directory`, whatever its form, with exactly `vocab_size` tokens: unused ones are added as
// "[PAD<id>]", and added tokens beyond are left out with a warning. Byte-level BPE becomes "gpt2", with the name of its
// pre-tokeniser; BPE over characters with byte fallback becomes "llama", with scores: those of tokenizer.model, or ones
// in the order of the merges. What begins, ends and pads texts is as the tokenizer has it, else as `ids` say. A chat
// template goes along. User error, naming the part, for a tokenizer that llama.cpp would take for another.
void add_gguf_tokenizer(GgufSettings& settings, const std::filesystem::path& directory, int64_t vocab_size,
                        const HfTokenIds& ids);

}  // namespace kumiko
