// The tokenizer beside the checkpoints: a directory of checkpoints holds all that generating text needs.
#pragma once

#include <filesystem>
#include <string>

namespace kumiko {

// Copies the files of the tokenizer `source` into `directory`, which is created where needed. Nothing to do for none
// and for "bytes".
void keep_tokenizer(const std::string& source, const std::filesystem::path& directory);

// What load_tokenizer takes for the tokenizer of `checkpoint`, trained with `source`: the kept copy beside it, or else
// the source itself. User error if the run had none.
std::string kept_tokenizer(const std::filesystem::path& checkpoint, const std::string& source);

}  // namespace kumiko
