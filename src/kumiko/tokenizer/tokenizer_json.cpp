#include "kumiko/tokenizer/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/bpe_json.h"
#include "kumiko/tokenizer/bpe_model.h"

namespace kumiko {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

AddedToken added_token_from_json(const JsonPlace& place, const TokenizerModel& model) {
  AddedToken token;
  const JsonPlace id = place["id"];
  const int64_t max_id = static_cast<int64_t>(model.tokens().size()) + (1 << 20);
  if (id.integer() < 0 || id.integer() > max_id) id.fail(fmt::format("an id from 0 to {}", max_id));
  token.id = static_cast<int32_t>(id.integer());
  token.content = place["content"].string();
  if (token.content.empty()) place["content"].fail("a token with at least one character");
  token.single_word = place.boolean("single_word", false);
  token.lstrip = place.boolean("lstrip", false);
  token.rstrip = place.boolean("rstrip", false);
  token.normalized = place.boolean("normalized", false);
  token.special = place.boolean("special", false);
  return token;
}

// The name that the model's vocabulary gives to `id`, in its own spelling; "" if it has none.
std::vector<std::string> model_names(const BpeVocabulary& vocabulary) {
  std::vector<std::string> names;
  for (const std::string& bytes : vocabulary.tokens) names.push_back(to_byte_alphabet(bytes));
  return names;
}

// An added token may have the id of the vocabulary's token of the same name, or one that the vocabulary does not use.
void check_added_token(const AddedToken& token, const TokenizerModel& model, const JsonPlace& place) {
  const auto id = static_cast<size_t>(token.id);
  if (id >= model.tokens().size() || model.tokens()[id].empty()) return;
  const std::string& bytes = model.tokens()[id];
  if (bytes == token.content || to_byte_alphabet(bytes) == token.content) return;
  place["id"].fail(fmt::format("an id that the vocabulary does not use for another token ({} is \"{}\" there)",
                               token.id, to_byte_alphabet(bytes)));
}

void refuse_component(const JsonPlace& root, std::string_view key, std::string_view supported) {
  if (!root.has(key)) return;
  const JsonPlace component = root[key];
  const std::string type = component["type"].string();
  if (type != supported) {
    component["type"].fail(supported.empty() ? fmt::format("no {}; this one is not supported", key)
                                             : fmt::format("{}; other kinds of {} are not supported", supported, key));
  }
}

}  // namespace

Tokenizer tokenizer_from_json(std::string_view text) {
  const json document = parse_json(text);
  const JsonPlace root(document, "");
  if (!document.is_object() || !document.contains("model")) {
    throw_user("\"model\" is missing: this is not a tokenizer.json");
  }
  refuse_component(root, "normalizer", "");
  refuse_component(root, "decoder", "ByteLevel");
  const JsonPlace model_place = root["model"];
  // Files of old versions have no type.
  if (const std::string type = model_place.string("type", model_place.has("merges") ? "BPE" : "unknown");
      type != "BPE") {
    throw_user("model.type is \"{}\": expected BPE; other kinds are not supported", type);
  }
  std::unique_ptr<TokenizerModel> model =
      bpe_model_from_json(model_place, pre_tokenizer_from_json(root["pre_tokenizer"]));
  std::vector<AddedToken> added;
  if (root.has("added_tokens")) {
    for (const JsonPlace& place : root["added_tokens"].elements()) {
      added.push_back(added_token_from_json(place, *model));
      check_added_token(added.back(), *model, place);
    }
  }
  return {std::move(model), std::move(added)};
}

Tokenizer tokenizer_from_vocabulary(std::string_view vocabulary, std::string_view merges) {
  const json vocabulary_document = parse_json(vocabulary);
  json merge_lines = json::array();
  for (const std::string& line : split(merges, '\n')) {
    const std::string_view pair = trim(line);
    if (!pair.empty()) merge_lines.push_back(pair);
  }
  BpeVocabulary bpe =
      bpe_vocabulary_from_json(JsonPlace(vocabulary_document, "vocabulary"), JsonPlace(merge_lines, "merges"));
  std::vector<AddedToken> added;
  constexpr const char* end_of_text = "<|endoftext|>";
  if (vocabulary_document.contains(end_of_text)) {
    added.push_back({.id = vocabulary_document[end_of_text].get<int32_t>(), .content = end_of_text, .special = true});
  }
  return {make_byte_level_bpe(std::move(bpe), make_byte_level(false, true), false), std::move(added)};
}

std::string byte_level_bpe_json(const BpeVocabulary& vocabulary, const std::vector<std::string>& special_tokens) {
  std::vector<std::string> names = model_names(vocabulary);
  for (const auto& [id, content] : vocabulary.unreachable) names[static_cast<size_t>(id)] = content;
  ordered_json added = ordered_json::array();
  for (const std::string& content : special_tokens) {
    const auto id = std::find(names.begin(), names.end(), content) - names.begin();
    added.push_back({{"id", id},
                     {"content", content},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  json merges = json::array();
  for (const BpeMerge& merge : vocabulary.merges) {
    merges.push_back({names[static_cast<size_t>(merge.left)], names[static_cast<size_t>(merge.right)]});
  }
  // ordered_json would look for each new key among all the old ones.
  std::vector<std::pair<std::string, ordered_json>> entries;
  for (size_t id = 0; id < names.size(); ++id) entries.emplace_back(names[id], id);
  ordered_json::object_t vocab(entries.begin(), entries.end());
  const auto byte_level = [](bool add_prefix_space) {
    return ordered_json{
        {"type", "ByteLevel"}, {"add_prefix_space", add_prefix_space}, {"trim_offsets", true}, {"use_regex", true}};
  };
  const ordered_json document = {{"version", "1.0"},
                                 {"truncation", nullptr},
                                 {"padding", nullptr},
                                 {"added_tokens", added},
                                 {"normalizer", nullptr},
                                 {"pre_tokenizer", byte_level(false)},
                                 {"post_processor", nullptr},
                                 {"decoder", byte_level(true)},
                                 {"model",
                                  {{"type", "BPE"},
                                   {"dropout", nullptr},
                                   {"unk_token", nullptr},
                                   {"continuing_subword_prefix", nullptr},
                                   {"end_of_word_suffix", nullptr},
                                   {"fuse_unk", false},
                                   {"byte_fallback", false},
                                   {"ignore_merges", false},
                                   {"vocab", std::move(vocab)},
                                   {"merges", std::move(merges)}}}};
  return document.dump(2);
}

}  // namespace kumiko
