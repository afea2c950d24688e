#include "kumiko/tokenizer/pre_tokenizer_json.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/character_tables.h"
#include "kumiko/tokenizer/pre_tokenizer_unicode.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {
namespace {

SplitBehavior behavior_from_json(const JsonPlace& place) {
  constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> behaviors = {
      {{"Isolated", SplitBehavior::isolated},
       {"Removed", SplitBehavior::removed},
       {"MergedWithPrevious", SplitBehavior::merged_with_previous},
       {"MergedWithNext", SplitBehavior::merged_with_next},
       {"Contiguous", SplitBehavior::contiguous}}};
  const std::string wanted = place.string();
  for (const auto& [name, behavior] : behaviors) {
    if (wanted == name) return behavior;
  }
  place.fail("Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

std::unique_ptr<PreTokenizer> split_from_json(const JsonPlace& place) {
  const SplitBehavior behavior = behavior_from_json(place["behavior"]);
  const bool inverted = place.boolean("invert", false);
  const JsonPlace pattern = place["pattern"];
  if (pattern.has("Regex")) return make_split(pattern["Regex"].string(), behavior, inverted);
  if (pattern.has("String")) return make_literal_split(pattern["String"].string(), behavior, inverted);
  pattern.fail("{\"Regex\": ...} or {\"String\": ...}");
}

// Files of old versions have add_prefix_space instead of a scheme.
PrependScheme scheme_from_json(const JsonPlace& place) {
  const bool adds = place.boolean("add_prefix_space", true);
  if (!place.has("prepend_scheme")) return adds ? PrependScheme::always : PrependScheme::never;
  const std::string scheme = place["prepend_scheme"].string();
  if (scheme == "never" || !adds) return PrependScheme::never;
  if (scheme == "first") return PrependScheme::first;
  if (scheme != "always") place["prepend_scheme"].fail("always, first or never");
  return PrependScheme::always;
}

std::unique_ptr<PreTokenizer> metaspace_from_json(const JsonPlace& place) {
  std::string mark = place["replacement"].string();
  if (mark.empty() || utf8_unit(mark, 0).length != mark.size()) place["replacement"].fail("one character");
  return make_metaspace(std::move(mark), scheme_from_json(place), place.boolean("split", true));
}

bool is_space(char32_t character) { return character_class(character) == CharacterClass::space; }
bool is_number(char32_t character) { return character_class(character) == CharacterClass::number; }
bool is_punctuation(char32_t character) { return is_in(punctuation, character); }

std::unique_ptr<PreTokenizer> step_from_json(const JsonPlace& place, bool spelled) {
  const std::string type = place["type"].string();
  if (type == "ByteLevel") {
    return make_byte_level(place.boolean("add_prefix_space", true), place.boolean("use_regex", true), spelled);
  }
  if (type == "Split") return split_from_json(place);
  if (type == "Digits") {
    const bool alone = place.boolean("individual_digits", false);
    return make_character_split(is_number, alone ? SplitBehavior::isolated : SplitBehavior::contiguous);
  }
  if (type == "Metaspace") return metaspace_from_json(place);
  if (type == "WhitespaceSplit") return make_character_split(is_space, SplitBehavior::removed);
  if (type == "Whitespace") return make_word_split();
  if (type == "Punctuation") {
    return make_character_split(
        is_punctuation, place.has("behavior") ? behavior_from_json(place["behavior"]) : SplitBehavior::isolated);
  }
  place["type"].fail(
      "ByteLevel, Digits, Metaspace, Punctuation, Split, Whitespace, WhitespaceSplit or a Sequence of these; other "
      "pre-tokenizers are not supported");
}

std::vector<JsonPlace> steps_of(const JsonPlace& place) {
  if (place.value().is_null()) return {};
  if (place["type"].string() != "Sequence") return {place};
  std::vector<JsonPlace> steps;
  for (const JsonPlace& step : place["pretokenizers"].elements()) {
    for (JsonPlace& inner : steps_of(step)) steps.push_back(std::move(inner));
  }
  return steps;
}

}  // namespace

std::unique_ptr<PreTokenizer> pre_tokenizer_from_json(const JsonPlace& place, bool spelled) {
  if (place.value().is_null()) return nullptr;
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  for (const JsonPlace& step : steps_of(place)) steps.push_back(step_from_json(step, spelled));
  return make_chain(std::move(steps));
}

bool ends_in_byte_level(const JsonPlace& place) {
  const std::vector<JsonPlace> steps = steps_of(place);
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i]["type"].string() == "ByteLevel") return i + 1 == steps.size();
  }
  return false;
}

bool pieces_are_words(const JsonPlace& place) {
  const std::vector<JsonPlace> steps = steps_of(place);
  return !steps.empty() && steps.back()["type"].string() == "Metaspace" && steps.back().boolean("split", true);
}

}  // namespace kumiko
