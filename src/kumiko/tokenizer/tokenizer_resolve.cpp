#include "kumiko/tokenizer/tokenizer_resolve.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/log.h"
#include "kumiko/tokenizer/bpe_byte_map.h"

namespace kumiko {
namespace {

// The tokens of a vocabulary and those added to it, by their content; new ones get the next id.
class AddedTokenTable {
 public:
  explicit AddedTokenTable(const std::vector<std::string>& vocabulary, bool byte_alphabet) {
    for (size_t id = 0; id < vocabulary.size(); ++id) {
      const std::string& token = vocabulary[id];
      if (token.empty()) continue;
      ++next_;
      ids_.emplace(byte_alphabet ? to_byte_alphabet(token) : token, static_cast<int32_t>(id));
    }
    for (size_t id = 0; byte_alphabet && id < vocabulary.size(); ++id) {
      // A token outside the alphabet is spelled as it is.
      if (!vocabulary[id].empty()) ids_.emplace(vocabulary[id], static_cast<int32_t>(id));
    }
    vocabulary_size_ = next_;
  }

  // The id that the packages give to this content.
  int32_t id_of(const std::string& content) {
    const auto [known, added] = ids_.emplace(content, next_);
    if (added) ++next_;
    return known->second;
  }
  std::optional<int32_t> find(const std::string& content) const {
    const auto known = ids_.find(content);
    return known == ids_.end() ? std::nullopt : std::optional(known->second);
  }
  int32_t vocabulary_size() const { return vocabulary_size_; }

 private:
  std::unordered_map<std::string, int32_t> ids_;
  int32_t next_ = 0;
  int32_t vocabulary_size_ = 0;
};

void check_id(const std::string& place, const AddedToken& token, int32_t expected, const AddedTokenTable& table) {
  if (token.id == expected) return;
  throw_user(
      "{} gives the token \"{}\" the id {}: expected {}, {}; transformers would use that id, so correct the file, or "
      "make the folder's tokenizer again with its save_pretrained()",
      place, token.content, token.id, expected,
      expected < table.vocabulary_size() ? "which it has in the vocabulary"
                                         : "the next behind the vocabulary and the tokens added before");
}

// The position among the added tokens; they are few beside a vocabulary.
AddedToken* find_added(std::vector<AddedToken>& tokens, const std::string& content) {
  const auto found =
      std::find_if(tokens.begin(), tokens.end(), [&](const AddedToken& t) { return t.content == content; });
  return found == tokens.end() ? nullptr : &*found;
}

void add_token(TokenizerParts& parts, AddedTokenTable& table, const SettingsToken& setting) {
  AddedToken token = setting.token;
  const int32_t id = table.id_of(token.content);
  if (token.id >= 0) check_id(setting.place, token, id, table);
  token.id = id;
  AddedToken* known = find_added(parts.added_tokens, token.content);
  if (known == nullptr) {
    parts.added_tokens.push_back(std::move(token));
  } else if (setting.has_flags) {
    const bool special = token.special || (!setting.role.empty() && known->special);
    *known = std::move(token);
    known->special = special;
  } else {
    known->special = known->special || token.special;
  }
}

AddedTokenTable table_of(const TokenizerParts& parts) {
  return AddedTokenTable(parts.model->tokens(), parts.byte_alphabet);
}

// What the classes of transformers take where no file says otherwise.
std::optional<std::string> default_content(const TokenizerSettings& settings, std::string_view role) {
  const std::string& name = settings.tokenizer_class;
  const bool gpt2 = name == "GPT2Tokenizer" && (role == "bos_token" || role == "eos_token" || role == "unk_token");
  const bool qwen2 = name == "Qwen2Tokenizer" && (role == "eos_token" || role == "unk_token" || role == "pad_token");
  if (gpt2 || qwen2) return "<|endoftext|>";
  return std::nullopt;
}

std::optional<int32_t> id_of_role(const TokenizerSettings& settings, const AddedTokenTable& table,
                                  std::string_view role, std::optional<int32_t> of_model) {
  if (const auto content = settings.content_of(role)) return table.find(*content);
  if (settings.is_absent(role)) return std::nullopt;
  if (of_model) return of_model;
  const auto content = default_content(settings, role);
  return content ? table.find(*content) : std::nullopt;
}

bool names_end_of_document(const std::string& content) {
  return std::find(end_of_document_names.begin(), end_of_document_names.end(), content) != end_of_document_names.end();
}

// A token whose name tells that it ends documents goes before an eos_token that may end a turn of a conversation.
void set_end_of_document(TokenizerParts& parts, const TokenizerSettings& settings) {
  const auto content = settings.content_of("eos_token");
  if (content && names_end_of_document(*content)) {
    parts.end_of_document = parts.named.eos;
    return;
  }
  if (!parts.end_of_document) parts.end_of_document = find_end_of_document(parts.added_tokens);
  if (!parts.end_of_document) parts.end_of_document = parts.named.eos;
  if (!parts.end_of_document && !parts.end_tokens.empty()) parts.end_of_document = parts.end_tokens.front();
}

void set_end_tokens(TokenizerParts& parts, const TokenizerSettings& settings) {
  const auto is_used = [&](int64_t id) {
    const auto& tokens = parts.model->tokens();
    if (id >= 0 && id < static_cast<int64_t>(tokens.size()) && !tokens[static_cast<size_t>(id)].empty()) return true;
    return std::any_of(parts.added_tokens.begin(), parts.added_tokens.end(), [&](const auto& t) { return t.id == id; });
  };
  for (const int64_t id : settings.end_ids) {
    if (is_used(id)) {
      parts.end_tokens.push_back(static_cast<int32_t>(id));
    } else {
      log::warning("{}: eos_token_id {} is no token of the tokenizer beside it, and is left out",
                   settings.end_ids_place, id);
    }
  }
}

}  // namespace

void check_added_ids(const TokenizerParts& parts, const std::function<std::string(size_t)>& place_of) {
  AddedTokenTable table = table_of(parts);
  for (size_t i = 0; i < parts.added_tokens.size(); ++i) {
    const AddedToken& token = parts.added_tokens[i];
    check_id(place_of(i), token, table.id_of(token.content), table);
  }
}

void apply_settings(TokenizerParts& parts, const TokenizerSettings& settings) {
  AddedTokenTable table = table_of(parts);
  for (const AddedToken& token : parts.added_tokens) table.id_of(token.content);
  for (const SettingsToken& token : settings.placed_tokens) add_token(parts, table, token);
  for (const SettingsToken& token : settings.named_tokens) add_token(parts, table, token);
  for (const std::string_view role : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    const auto content = default_content(settings, role);
    if (!content || settings.content_of(role) || settings.is_absent(role) || !table.find(*content)) continue;
    SettingsToken token;
    token.token = {.id = -1, .content = *content, .special = true};
    add_token(parts, table, token);
  }
  NamedTokens& named = parts.named;
  named.bos = id_of_role(settings, table, "bos_token", named.bos);
  named.eos = id_of_role(settings, table, "eos_token", named.eos);
  named.unknown = id_of_role(settings, table, "unk_token", named.unknown);
  named.pad = id_of_role(settings, table, "pad_token", named.pad);
  if (settings.add_bos_token) parts.begin_of_text = *settings.add_bos_token ? named.bos : std::nullopt;
  set_end_tokens(parts, settings);
  set_end_of_document(parts, settings);
}

}  // namespace kumiko
