// The tokenizer beside the checkpoints: a directory of checkpoints holds all that generating text needs.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

namespace kumiko {

// What model folders of the Hugging Face family hold beside weights and config.json. None of it is needed here; all of
// it goes back out with the model.
inline constexpr std::array companion_files = {"tokenizer.json",
                                               "tokenizer_config.json",
                                               "special_tokens_map.json",
                                               "added_tokens.json",
                                               "tokenizer.model",
                                               "vocab.json",
                                               "merges.txt",
                                               "chat_template.jinja",
                                               "chat_template.json",
                                               "generation_config.json"};

// What becomes of a file with other content that is in the directory: it stays, or it is an old run's and goes.
enum class KeptBefore : uint8_t { stays, goes };

// Copies the companion files that `folder` has into `directory`, which is created where needed. User error, naming
// both, if one that says what tokens are would replace another that stays; of others a warning says that they stay.
void keep_companions(const std::filesystem::path& folder, const std::filesystem::path& directory,
                     KeptBefore before = KeptBefore::stays);

// Copies the files of the tokenizer `source` into `directory`, which is created where needed, and if it is a folder its
// companion files. Nothing to do for none and for "bytes".
void keep_tokenizer(const std::string& source, const std::filesystem::path& directory,
                    KeptBefore before = KeptBefore::stays);

// The directory beside `checkpoint`, or the checkpoint itself, that holds a kept tokenizer; empty if none does.
std::filesystem::path kept_directory(const std::filesystem::path& checkpoint);

// What load_tokenizer takes for the tokenizer of `checkpoint`, trained with `source`: the kept copy beside it, or else
// the source itself. User error if the run had none.
std::string kept_tokenizer(const std::filesystem::path& checkpoint, const std::string& source);

}  // namespace kumiko
