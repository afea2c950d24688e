#include "kumiko/tokenizer/tokenizer_settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// In the order in which transformers gives ids to those that the vocabulary does not have.
constexpr std::array<std::string_view, 7> roles = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                   "pad_token", "cls_token", "mask_token"};
constexpr std::array<std::string_view, 2> role_lists = {"additional_special_tokens", "extra_special_tokens"};

// One of the files: an empty object if it is not there.
struct SettingsFile {
  std::string name;
  fs::path path;
  bool exists = false;
  json document = json::object();

  SettingsFile(const fs::path& folder, std::string file_name) : name(std::move(file_name)), path(folder / name) {
    std::error_code code;
    exists = fs::exists(path, code);
    if (!exists) return;
    document = parse_json(read_text_file(path), path.string());
    try {
      if (!document.is_object()) JsonPlace(document, "").fail("an object");
    } catch (const Error& error) {
      throw Error(error.kind(), path.string() + ": " + error.what());
    }
  }
};

// Adds to a message which file it is about.
template <class Read>
void read_naming(const SettingsFile& file, const Read& read) {
  try {
    read(JsonPlace(file.document, ""));
  } catch (const Error& error) {
    throw Error(error.kind(), file.path.string() + ": " + error.what());
  }
}

// A token is spelled as a string, or as an object that also says how it is found.
bool is_token(const json& value) { return value.is_string() || (value.is_object() && value.contains("content")); }

SettingsToken token_from_json(const JsonPlace& place, const std::string& file) {
  SettingsToken token;
  token.token.id = -1;
  token.place = file + ": " + place.path();
  if (place.value().is_string()) {
    token.token.content = place.string();
    token.token.special = true;
  } else {
    token.has_flags = true;
    token.token.content = place["content"].string();
    token.token.special = place.boolean("special", false);
    token.token.normalized = place.boolean("normalized", !token.token.special);
    token.token.lstrip = place.boolean("lstrip", false);
    token.token.rstrip = place.boolean("rstrip", false);
    token.token.single_word = place.boolean("single_word", false);
  }
  if (token.token.content.empty()) place.fail("a token with at least one character");
  return token;
}

int32_t id_from_json(const JsonPlace& place) {
  constexpr int64_t most = (int64_t{1} << 24) - 1;
  if (place.integer() < 0 || place.integer() > most) place.fail(fmt::format("an id from 0 to {}", most));
  return static_cast<int32_t>(place.integer());
}

// "322" in added_tokens_decoder.
int32_t id_from_key(const std::string& key, const JsonPlace& place) {
  int32_t id = -1;
  const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (code != std::errc() || end != key.data() + key.size() || id < 0 || id >= (1 << 24)) {
    place.fail(fmt::format("ids as keys, and \"{}\" is none", key));
  }
  return id;
}

class SettingsReader {
 public:
  explicit SettingsReader(const fs::path& folder)
      : tokenizer_(folder, "tokenizer_config.json"),
        generation_(folder, "generation_config.json"),
        added_(folder, "added_tokens.json"),
        special_(folder, "special_tokens_map.json"),
        model_(folder, "config.json") {}

  TokenizerSettings read() {
    read_naming(tokenizer_, [&](const JsonPlace& root) { read_tokenizer_config(root); });
    const bool decoder = tokenizer_.document.contains("added_tokens_decoder");
    if (decoder) {
      read_naming(tokenizer_, [&](const JsonPlace& root) { read_added_tokens_decoder(root); });
    } else {
      // The older way: these two files count where tokenizer_config.json does not list the added tokens itself.
      read_naming(special_, [&](const JsonPlace& root) { read_named_tokens(root, special_.name); });
      read_naming(added_, [&](const JsonPlace& root) { read_added_tokens(root); });
    }
    read_naming(model_, [&](const JsonPlace& root) { read_model_config(root); });
    const bool own = generation_.document.contains("eos_token_id") && !generation_.document["eos_token_id"].is_null();
    const SettingsFile& ends = own ? generation_ : model_;
    read_naming(ends, [&](const JsonPlace& root) { read_end_ids(root, ends.path.string()); });
    std::sort(settings_.placed_tokens.begin(), settings_.placed_tokens.end(),
              [](const auto& a, const auto& b) { return a.token.id < b.token.id; });
    for (auto& [role, token] : named_) settings_.named_tokens.push_back(std::move(token));
    std::stable_sort(settings_.named_tokens.begin(), settings_.named_tokens.end(),
                     [](const auto& a, const auto& b) { return rank(a.role) < rank(b.role); });
    for (SettingsToken& token : additional_) settings_.named_tokens.push_back(std::move(token));
    list_files(decoder, own);
    return std::move(settings_);
  }

 private:
  static size_t rank(std::string_view role) {
    return static_cast<size_t>(std::find(roles.begin(), roles.end(), role) - roles.begin());
  }

  void read_tokenizer_config(const JsonPlace& root) {
    set_class(root);
    const auto flag = [&](const char* key) {
      return root.has(key) ? std::optional(root[key].boolean()) : std::nullopt;
    };
    settings_.add_prefix_space = flag("add_prefix_space");
    settings_.legacy = flag("legacy");
    settings_.add_bos_token = flag("add_bos_token");
    settings_.add_eos_token = flag("add_eos_token");
    read_named_tokens(root, tokenizer_.name);
  }

  void set_class(const JsonPlace& root) {
    if (!root.has("tokenizer_class")) return;
    std::string name = root["tokenizer_class"].string();
    constexpr std::string_view fast = "Fast";
    if (name != "PreTrainedTokenizerFast" && name.ends_with(fast)) name.resize(name.size() - fast.size());
    settings_.tokenizer_class = std::move(name);
  }

  // Those of a file read later take the place of earlier ones.
  void read_named_tokens(const JsonPlace& root, const std::string& file) {
    for (const auto& [key, value] : root.value().items()) {
      if (!key.ends_with("_token")) continue;
      if (value.is_null()) {
        named_.erase(key);
        settings_.absent_roles.push_back(key);
      } else if (is_token(value)) {
        SettingsToken token = token_from_json(root[key], file);
        token.role = key;
        token.token.special = true;
        named_[key] = std::move(token);
        std::erase(settings_.absent_roles, key);
      } else if (std::find(roles.begin(), roles.end(), key) != roles.end()) {
        root[key].fail("a token: a string, or an object with its content");
      }
    }
    for (const std::string_view list : role_lists) {
      if (!root.has(list)) continue;
      std::vector<JsonPlace> places;
      if (root[list].value().is_object()) {
        for (const auto& member : root[list].value().items()) places.push_back(root[list][member.key()]);
      } else {
        places = root[list].elements();
      }
      for (const JsonPlace& place : places) {
        if (!is_token(place.value())) place.fail("a token: a string, or an object with its content");
        additional_.push_back(token_from_json(place, file));
        additional_.back().token.special = true;
      }
    }
  }

  void read_added_tokens_decoder(const JsonPlace& root) {
    const JsonPlace decoder = root["added_tokens_decoder"];
    if (!decoder.value().is_object()) decoder.fail("an object of id to token");
    for (const auto& member : decoder.value().items()) {
      const JsonPlace place = decoder[member.key()];
      if (!place.value().is_object()) place.fail("an object that describes a token");
      SettingsToken token = token_from_json(place, tokenizer_.name);
      token.token.id = id_from_key(member.key(), decoder);
      settings_.placed_tokens.push_back(std::move(token));
    }
  }

  bool is_named(const std::string& content) const {
    const auto same = [&](const SettingsToken& token) { return token.token.content == content; };
    return std::any_of(named_.begin(), named_.end(), [&](const auto& entry) { return same(entry.second); }) ||
           std::any_of(additional_.begin(), additional_.end(), same);
  }

  void read_added_tokens(const JsonPlace& root) {
    for (const auto& member : root.value().items()) {
      SettingsToken token;
      token.token.id = id_from_json(root[member.key()]);
      token.token.content = member.key();
      token.token.special = is_named(member.key());
      token.token.normalized = !token.token.special;
      token.place = added_.name + ": " + member.key();
      if (token.token.content.empty()) throw_user("it has a token without characters");
      settings_.placed_tokens.push_back(std::move(token));
    }
  }

  void read_model_config(const JsonPlace& root) {
    settings_.model_type = root.string("model_type", "");
    if (settings_.tokenizer_class.empty()) set_class(root);
  }

  void read_end_ids(const JsonPlace& root, const std::string& path) {
    if (!root.has("eos_token_id")) return;
    const JsonPlace ids = root["eos_token_id"];
    if (ids.value().is_array()) {
      for (const JsonPlace& id : ids.elements()) settings_.end_ids.push_back(id.integer());
    } else {
      settings_.end_ids.push_back(ids.integer());
    }
    settings_.end_ids_place = path;
  }

  void list_files(bool decoder, bool own_ends) {
    const auto list = [&](const SettingsFile& file) {
      if (file.exists) settings_.files.push_back({file.path, file.name});
    };
    list(tokenizer_);
    list(generation_);
    if (!decoder) list(added_);
    if (!decoder) list(special_);
    const bool names_class = !tokenizer_.document.contains("tokenizer_class") &&
                             (model_.document.contains("tokenizer_class") || !settings_.model_type.empty());
    if (names_class || (!own_ends && !settings_.end_ids.empty())) list(model_);
  }

  SettingsFile tokenizer_, generation_, added_, special_, model_;
  TokenizerSettings settings_;
  std::map<std::string, SettingsToken> named_;
  std::vector<SettingsToken> additional_;
};

}  // namespace

std::optional<std::string> TokenizerSettings::content_of(std::string_view role) const {
  for (const SettingsToken& token : named_tokens) {
    if (token.role == role) return token.token.content;
  }
  return std::nullopt;
}

bool TokenizerSettings::is_absent(std::string_view role) const {
  return std::find(absent_roles.begin(), absent_roles.end(), role) != absent_roles.end();
}

TokenizerSettings read_tokenizer_settings(const fs::path& folder) { return SettingsReader(folder).read(); }

}  // namespace kumiko
