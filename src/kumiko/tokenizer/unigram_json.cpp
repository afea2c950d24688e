#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/tokenizer/bpe_json.h"
#include "kumiko/tokenizer/unigram.h"

namespace kumiko {

std::unique_ptr<TokenizerModel> unigram_from_json(const JsonPlace& model, std::unique_ptr<PreTokenizer> pre_tokenizer,
                                                  bool pieces_are_words) {
  UnigramVocabulary result;
  const JsonPlace vocabulary = model["vocab"];
  for (const JsonPlace& entry : vocabulary.elements()) {
    const nlohmann::json& value = entry.value();
    if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_number()) {
      entry.fail("a token and its score, as [\"a\", -1.5]");
    }
    result.tokens.push_back(value[0].get<std::string>());
    result.scores.push_back(value[1].get<double>());
  }
  if (result.tokens.empty()) vocabulary.fail("at least one token");
  if (model.has("unk_id")) {
    const int64_t id = model["unk_id"].integer();
    if (id < 0 || id >= static_cast<int64_t>(result.tokens.size())) {
      model["unk_id"].fail("null or an id of the vocabulary");
    }
    result.unknown = static_cast<int32_t>(id);
  }
  result.byte_fallback = model.boolean("byte_fallback", false);
  return make_unigram(std::move(result), std::move(pre_tokenizer), pieces_are_words);
}

}  // namespace kumiko
