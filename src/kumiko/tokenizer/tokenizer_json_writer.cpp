#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/tokenizer/bpe_byte_map.h"
#include "kumiko/tokenizer/tokenizer_json.h"

namespace kumiko {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

// The name that the model's vocabulary gives to `id`, in its own spelling; "" if it has none.
std::vector<std::string> model_names(const BpeVocabulary& vocabulary) {
  std::vector<std::string> names;
  for (const std::string& bytes : vocabulary.tokens) names.push_back(to_byte_alphabet(bytes));
  return names;
}

}  // namespace

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
