// What stands beside a tokenizer.json about how it is used.
#pragma once

#include <filesystem>
#include <vector>

#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {

// The files of `folder` that are read: tokenizer_config.json and generation_config.json, where they exist.
std::vector<std::filesystem::path> tokenizer_config_files(const std::filesystem::path& folder);

// Sets the token that begins a text, or that none does, as add_bos_token and bos_token of tokenizer_config.json say.
// User error, naming the file, if it is damaged.
void find_begin_of_text(const std::filesystem::path& folder, Tokenizer& tokenizer);

// Sets the token that ends a document: the eos_token of tokenizer_config.json if it is one of end_of_document_names,
// else what the tokenizer has by these names, else eos_token whatever its name (often it ends a turn of a
// conversation), else the first eos_token_id of generation_config.json. User error, naming the file, if one is damaged.
void find_end_of_document(const std::filesystem::path& folder, Tokenizer& tokenizer);

}  // namespace kumiko
