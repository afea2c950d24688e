#include "kumiko/tokenizer/tokenizer_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/text.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/bpe_json.h"
#include "kumiko/tokenizer/bpe_model.h"
#include "kumiko/tokenizer/normalizer_json.h"
#include "kumiko/tokenizer/pre_tokenizer_json.h"
#include "kumiko/tokenizer/tokenizer_resolve.h"

namespace kumiko {

using nlohmann::json;

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

// An added token may have the id of the vocabulary's token of the same name, or one that the vocabulary does not use.
void check_added_token(const AddedToken& token, const TokenizerModel& model, bool tokens_are_bytes,
                       const JsonPlace& place) {
  const auto id = static_cast<size_t>(token.id);
  if (id >= model.tokens().size() || model.tokens()[id].empty()) return;
  const std::string& in_model = model.tokens()[id];
  const std::string spelled = tokens_are_bytes ? to_byte_alphabet(in_model) : in_model;
  if (in_model == token.content || spelled == token.content) return;
  place["id"].fail(
      fmt::format("an id that the vocabulary does not use for another token ({} is \"{}\" there)", token.id, spelled));
}

// Files of old versions have no type.
std::string model_type(const JsonPlace& model) {
  if (model.has("type")) return model["type"].string();
  if (model.has("merges")) return "BPE";
  return model.has("unk_id") ? "Unigram" : "unknown";
}

JsonPlace member_or_null(const JsonPlace& root, std::string_view key) {
  static const json null;
  return root.has(key) ? root[key] : JsonPlace(null, std::string(key));
}

// Bytes all the way: pieces that end as bytes, tokens for all of them, and a decoder for nothing else.
bool is_byte_level(const JsonPlace& root) {
  return ends_in_byte_level(member_or_null(root, "pre_tokenizer")) && is_byte_level_bpe(root["model"]) &&
         (!root.has("decoder") || root["decoder"]["type"].string() == "ByteLevel");
}

std::unique_ptr<TokenizerModel> model_from_json(const JsonPlace& root, bool tokens_are_bytes) {
  const JsonPlace model = root["model"];
  const JsonPlace cutter = member_or_null(root, "pre_tokenizer");
  auto pre_tokenizer = pre_tokenizer_from_json(cutter, !tokens_are_bytes);
  const std::string type = model_type(model);
  if (type == "Unigram") return unigram_from_json(model, std::move(pre_tokenizer), pieces_are_words(cutter));
  if (tokens_are_bytes) return byte_level_bpe_from_json(model, std::move(pre_tokenizer));
  return character_bpe_from_json(model, std::move(pre_tokenizer));
}

// What a template puts in front of a single text.
std::optional<int32_t> begin_of_text(const JsonPlace& root) {
  if (!root.has("post_processor")) return std::nullopt;
  std::vector<JsonPlace> processors = {root["post_processor"]};
  if (processors[0]["type"].string() == "Sequence") processors = processors[0]["processors"].elements();
  for (const JsonPlace& processor : processors) {
    if (processor["type"].string() != "TemplateProcessing") continue;
    const std::vector<JsonPlace> pieces = processor["single"].elements();
    if (pieces.empty() || !pieces[0].has("SpecialToken")) continue;
    const JsonPlace token = processor["special_tokens"][pieces[0]["SpecialToken"]["id"].string()];
    const std::vector<JsonPlace> ids = token["ids"].elements();
    if (ids.size() == 1 && ids[0].value().is_number_integer()) return ids[0].value().get<int32_t>();
  }
  return std::nullopt;
}

}  // namespace

TokenizerParts parts_from_json(const json& document) {
  const JsonPlace root(document, "");
  if (!document.is_object() || !document.contains("model")) {
    throw_user("\"model\" is missing: this is not a tokenizer.json");
  }
  const std::string type = model_type(root["model"]);
  if (type != "BPE" && type != "Unigram") {
    throw_user("model.type is \"{}\": expected BPE or Unigram; other kinds are not supported", type);
  }
  TokenizerParts parts;
  parts.byte_alphabet = type == "BPE" && is_byte_level(root);
  parts.model = model_from_json(root, parts.byte_alphabet);
  parts.normalizer = normalizer_from_json(member_or_null(root, "normalizer"));
  parts.decoder = token_decoder_from_json(member_or_null(root, "decoder"), parts.byte_alphabet);
  if (root.has("added_tokens")) {
    const std::vector<JsonPlace> places = root["added_tokens"].elements();
    for (const JsonPlace& place : places) {
      parts.added_tokens.push_back(added_token_from_json(place, *parts.model));
      check_added_token(parts.added_tokens.back(), *parts.model, parts.byte_alphabet, place);
    }
    check_added_ids(parts, [&](size_t i) { return places[i].path(); });
  }
  parts.begin_of_text = begin_of_text(root);
  return parts;
}

Tokenizer tokenizer_from_json(std::string_view text) { return Tokenizer(parts_from_json(parse_json(text, ""))); }

TokenizerParts parts_from_vocabulary(std::string_view vocabulary, std::string_view merges, PairPattern pattern,
                                     bool add_prefix_space) {
  const json vocabulary_document = parse_json(vocabulary, "");
  json merge_lines = json::array();
  for (const std::string& line : split(merges, '\n')) {
    const std::string_view pair = trim(line);
    if (!pair.empty()) merge_lines.push_back(pair);
  }
  std::unique_ptr<PreTokenizer> pre_tokenizer = make_byte_level(add_prefix_space, pattern == PairPattern::gpt2);
  if (pattern == PairPattern::qwen2) {
    std::vector<std::unique_ptr<PreTokenizer>> steps;
    steps.push_back(make_split(qwen2_pattern, SplitBehavior::isolated, false));
    steps.push_back(std::move(pre_tokenizer));
    pre_tokenizer = make_chain(std::move(steps));
  }
  TokenizerParts parts;
  parts.byte_alphabet = true;
  parts.model = make_byte_level_bpe(
      bpe_vocabulary_from_json(JsonPlace(vocabulary_document, "vocabulary"), JsonPlace(merge_lines, "merges")),
      std::move(pre_tokenizer), false);
  if (pattern == PairPattern::qwen2) parts.normalizer = make_unicode_normalizer(UnicodeForm::nfc);
  constexpr const char* end_of_text = "<|endoftext|>";
  if (vocabulary_document.contains(end_of_text)) {
    parts.added_tokens.push_back(
        {.id = vocabulary_document[end_of_text].get<int32_t>(), .content = end_of_text, .special = true});
  }
  return parts;
}

}  // namespace kumiko
