// Which files are a tokenizer, by their names.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kumiko {

// A file that is read, and the name under which a copy of it in a folder of its own is read again.
struct TokenizerFile {
  std::filesystem::path path;
  std::string plain_name;
};

enum class TokenizerForm { bytes, tokenizer_json, pair, sentencepiece };

// Where the vocabulary stands; the settings beside it are in tokenizer_settings.h.
struct TokenizerSource {
  TokenizerForm form = TokenizerForm::bytes;
  std::vector<TokenizerFile> files;  // none for bytes; a vocabulary and its merges for a pair

  std::filesystem::path folder() const { return files[0].path.parent_path(); }
};

// Of several in a folder a tokenizer.json goes first, then a pair, then a .model. User error, saying what was looked
// for, if there is none.
TokenizerSource find_tokenizer(const std::filesystem::path& source);

// The same in a folder; nothing if there is none.
std::optional<TokenizerSource> find_tokenizer_in(const std::filesystem::path& folder);

}  // namespace kumiko
