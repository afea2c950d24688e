// What the files beside a tokenizer say about it: the one place where it is decided which settings count
// (docs/tokenizer.md, "Which settings count").
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/tokenizer/tokenizer_added.h"
#include "kumiko/tokenizer/tokenizer_source.h"

namespace kumiko {

// A token that a settings file names.
struct SettingsToken {
  AddedToken token;        // its id is -1 if the file leaves it to the vocabulary
  bool has_flags = false;  // the file says how the token is found in a text, not only how it is spelled
  std::string role;        // "bos_token" ...; "" for one without a role of its own
  std::string place;       // "tokenizer_config.json: added_tokens_decoder.322"
};

struct TokenizerSettings {
  std::string tokenizer_class;  // without "Fast"; "" if no file names one
  std::string model_type;       // of config.json; "" if there is none
  std::optional<bool> add_prefix_space;
  std::optional<bool> legacy;
  std::optional<bool> add_bos_token;
  std::optional<bool> add_eos_token;
  std::vector<SettingsToken> placed_tokens;  // those with ids, by id
  std::vector<SettingsToken> named_tokens;   // by their roles, then the additional special tokens
  std::vector<std::string> absent_roles;     // roles that a file sets to null
  std::vector<int64_t> end_ids;              // eos_token_id, in the file's order
  std::string end_ids_place;                 // the file that lists them
  std::vector<TokenizerFile> files;          // those that are there and count

  // The content that a file gives to a role.
  std::optional<std::string> content_of(std::string_view role) const;
  bool is_absent(std::string_view role) const;
};

// The settings in `folder` for a tokenizer of this form. User error, naming the file and the place in it, if one of
// them is damaged.
TokenizerSettings read_tokenizer_settings(const std::filesystem::path& folder);

}  // namespace kumiko
