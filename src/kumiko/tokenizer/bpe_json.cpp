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
    model[key].fail("null: BPE with a mark inside or at the end of words is not supported");
  }
}

void refuse_unsupported(const JsonPlace& model) {
  refuse_text(model, "continuing_subword_prefix");
  refuse_text(model, "end_of_word_suffix");
  if (model.has("dropout") && model["dropout"].value() != 0) {
    model["dropout"].fail("null: merges that are left out at random are not supported");
  }
}

std::vector<BpeMerge> read_merges(const JsonPlace& merges, const Ids& ids) {
  std::vector<BpeMerge> result;
  for (const JsonPlace& merge : merges.elements()) {
    if (merge.value().is_string() && merge.value().get<std::string>().starts_with("#version")) continue;
    const auto [left, right] = read_pair(merge);
    result.push_back({id_of(ids, left, merge), id_of(ids, right, merge), id_of(ids, left + right, merge)});
  }
  return result;
}

}  // namespace

std::unique_ptr<TokenizerModel> byte_level_bpe_from_json(const JsonPlace& model,
                                                         std::unique_ptr<PreTokenizer> pre_tokenizer) {
  refuse_unsupported(model);
  return make_byte_level_bpe(bpe_vocabulary_from_json(model["vocab"], model["merges"]), std::move(pre_tokenizer),
                             model.boolean("ignore_merges", false));
}

bool is_byte_level_bpe(const JsonPlace& model) {
  if (model.boolean("byte_fallback", false)) return false;
  const json& vocabulary = model["vocab"].value();
  if (!model.has("unk_token") || !vocabulary.is_object() || !vocabulary.contains(model["unk_token"].string())) {
    return true;
  }
  for (int byte = 0; byte < 256; ++byte) {
    if (!vocabulary.contains(to_byte_alphabet(std::string(1, static_cast<char>(byte))))) return false;
  }
  return true;
}

std::unique_ptr<TokenizerModel> character_bpe_from_json(const JsonPlace& model,
                                                        std::unique_ptr<PreTokenizer> pre_tokenizer) {
  refuse_unsupported(model);
  const Ids ids = read_ids(model["vocab"]);
  CharacterBpe bpe;
  for (const auto& [token, id] : ids) {
    if (static_cast<size_t>(id) >= bpe.tokens.size()) bpe.tokens.resize(static_cast<size_t>(id) + 1);
    bpe.tokens[static_cast<size_t>(id)] = token;
  }
  bpe.merges = read_merges(model["merges"], ids);
  if (model.has("unk_token")) {
    const std::string unknown = model["unk_token"].string();
    const auto found = ids.find(unknown);
    if (found == ids.end()) model["unk_token"].fail("null or a token of the vocabulary");
    bpe.unknown = found->second;
  }
  bpe.fuse_unknown = model.boolean("fuse_unk", false);
  bpe.byte_fallback = model.boolean("byte_fallback", false);
  bpe.ignore_merges = model.boolean("ignore_merges", false);
  return make_character_bpe(std::move(bpe), std::move(pre_tokenizer));
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
  result.merges = read_merges(merges, ids);
  return result;
}

}  // namespace kumiko
