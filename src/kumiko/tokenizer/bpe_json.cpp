#include "kumiko/tokenizer/bpe_json.h"

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/bpe_model.h"

namespace kumiko {

using nlohmann::json;

namespace {

// Far above any vocabulary there is: a larger id is damage, and would cost memory by its size.
constexpr int64_t max_vocab_size = int64_t{1} << 24;

using Ids = std::unordered_map<std::string, int32_t>;

Ids read_ids(const JsonPlace& vocabulary) {
  if (!vocabulary.value().is_object()) vocabulary.fail("an object of token to id");
  Ids ids;
  std::unordered_map<int64_t, std::string> owners;
  for (const auto& [token, value] : vocabulary.value().items()) {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() >= max_vocab_size) {
      vocabulary[token].fail(fmt::format("an id from 0 to {}", max_vocab_size - 1));
    }
    const auto id = value.get<int32_t>();
    if (const auto [owner, first] = owners.emplace(id, token); !first) {
      throw_user("{}: the tokens \"{}\" and \"{}\" have the same id {}", vocabulary.path(), owner->second, token, id);
    }
    ids.emplace(token, id);
  }
  return ids;
}

std::pair<std::string, std::string> read_pair(const JsonPlace& merge) {
  const json& value = merge.value();
  if (value.is_array() && value.size() == 2 && value[0].is_string() && value[1].is_string()) {
    return {value[0].get<std::string>(), value[1].get<std::string>()};
  }
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    const size_t space = text.find(' ');
    if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  }
  merge.fail("two tokens, as [\"a\", \"b\"] or \"a b\"");
}

int32_t id_of(const Ids& ids, const std::string& token, const JsonPlace& merge) {
  const auto found = ids.find(token);
  if (found == ids.end()) {
    merge.fail(
        fmt::format("tokens that the vocabulary has, and it has no \"{}\"; the file is damaged or its parts do "
                    "not belong together",
                    token));
  }
  return found->second;
}

void refuse_text(const JsonPlace& model, std::string_view key) {
  if (model.has(key) && !model[key].string().empty()) {
    model[key].fail("null: this kind of BPE is not supported, only byte-level BPE");
  }
}

SplitBehavior behavior_from_json(const JsonPlace& place) {
  const std::string name = place.string();
  if (name == "Isolated") return SplitBehavior::isolated;
  if (name == "Removed") return SplitBehavior::removed;
  place.fail("Isolated or Removed; other behaviours are not supported");
}

std::unique_ptr<PreTokenizer> split_from_json(const JsonPlace& place) {
  const SplitBehavior behavior = behavior_from_json(place["behavior"]);
  const bool inverted = place.boolean("invert", false);
  const JsonPlace pattern = place["pattern"];
  if (pattern.has("Regex")) return make_split(pattern["Regex"].string(), behavior, inverted);
  if (pattern.has("String")) return make_literal_split(pattern["String"].string(), behavior, inverted);
  pattern.fail("{\"Regex\": ...} or {\"String\": ...}");
}

std::unique_ptr<PreTokenizer> step_from_json(const JsonPlace& place) {
  const std::string type = place["type"].string();
  if (type == "ByteLevel") {
    return make_byte_level(place.boolean("add_prefix_space", true), place.boolean("use_regex", true));
  }
  if (type == "Split") return split_from_json(place);
  if (type == "Digits") {
    return make_split(place.boolean("individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)", SplitBehavior::isolated,
                      false);
  }
  place["type"].fail("ByteLevel, Split, Digits or a Sequence of these; other pre-tokenizers are not supported");
}

}  // namespace

std::unique_ptr<TokenizerModel> bpe_model_from_json(const JsonPlace& model,
                                                    std::unique_ptr<PreTokenizer> pre_tokenizer) {
  refuse_text(model, "continuing_subword_prefix");
  refuse_text(model, "end_of_word_suffix");
  if (model.boolean("byte_fallback", false)) {
    model["byte_fallback"].fail("false: BPE with byte fallback is not supported, only byte-level BPE");
  }
  if (model.has("dropout") && model["dropout"].value() != 0) {
    model["dropout"].fail("null: merges that are left out at random are not supported");
  }
  return make_byte_level_bpe(bpe_vocabulary_from_json(model["vocab"], model["merges"]), std::move(pre_tokenizer),
                             model.boolean("ignore_merges", false));
}

BpeVocabulary bpe_vocabulary_from_json(const JsonPlace& vocabulary, const JsonPlace& merges) {
  const Ids ids = read_ids(vocabulary);
  BpeVocabulary result;
  for (const auto& [token, id] : ids) {
    if (static_cast<size_t>(id) >= result.tokens.size()) result.tokens.resize(static_cast<size_t>(id) + 1);
    if (auto bytes = from_byte_alphabet(token)) {
      result.tokens[static_cast<size_t>(id)] = std::move(*bytes);
    } else {
      result.unreachable.emplace_back(id, token);
    }
  }
  if (!merges.value().is_array()) merges.fail("a list of merges");
  for (const JsonPlace& merge : merges.elements()) {
    if (merge.value().is_string() && merge.value().get<std::string>().starts_with("#version")) continue;
    const auto [left, right] = read_pair(merge);
    result.merges.push_back({id_of(ids, left, merge), id_of(ids, right, merge), id_of(ids, left + right, merge)});
  }
  return result;
}

std::unique_ptr<PreTokenizer> pre_tokenizer_from_json(const JsonPlace& place) {
  if (place.value().is_null()) place.fail("a ByteLevel pre-tokenizer; tokenizers without one are not supported");
  std::vector<JsonPlace> places = {place};
  if (place["type"].string() == "Sequence") places = place["pretokenizers"].elements();
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  bool byte_level = false;
  for (const JsonPlace& step : places) {
    if (byte_level) step.fail("nothing behind ByteLevel; other steps there are not supported");
    steps.push_back(step_from_json(step));
    byte_level = step["type"].string() == "ByteLevel";
  }
  if (!byte_level) place.fail("ByteLevel, alone or at the end of a Sequence; tokenizers without it are not supported");
  return make_chain(std::move(steps));
}

}  // namespace kumiko
