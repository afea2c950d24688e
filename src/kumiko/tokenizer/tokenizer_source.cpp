#include "kumiko/tokenizer/tokenizer_source.h"

#include <array>
#include <string_view>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/tokenizer/tokenizer.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

// The two ways in which GPT-2's vocabulary and merges are named.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> pairs = {
    {{"encoder.json", "vocab.bpe"}, {"vocab.json", "merges.txt"}}};

// The names that SentencePiece models go by.
constexpr std::array<std::string_view, 3> sentencepiece_names = {"tokenizer.model", "spiece.model",
                                                                 "sentencepiece.bpe.model"};

bool is_there(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

bool is_folder(const fs::path& path) {
  std::error_code code;
  return fs::is_directory(path, code);
}

// The file of merges that belongs to a vocabulary of this name; "" if the name is of neither kind.
fs::path merges_beside(const fs::path& vocabulary) {
  const std::string name = vocabulary.filename().string();
  for (const auto& [vocabulary_name, merges_name] : pairs) {
    if (!name.ends_with(vocabulary_name)) continue;
    const std::string prefix = name.substr(0, name.size() - vocabulary_name.size());
    return vocabulary.parent_path() / (prefix + std::string(merges_name));
  }
  return {};
}

// The plain names of GPT-2's pair, whatever prefix the files themselves bear.
TokenizerSource pair_source(const fs::path& vocabulary, const fs::path& merges) {
  return {TokenizerForm::pair, {{vocabulary, "encoder.json"}, {merges, "vocab.bpe"}}};
}

}  // namespace

std::optional<TokenizerSource> find_tokenizer_in(const fs::path& folder) {
  if (is_there(folder / "tokenizer.json")) {
    return TokenizerSource{TokenizerForm::tokenizer_json, {{folder / "tokenizer.json", "tokenizer.json"}}};
  }
  for (const auto& [vocabulary, merges] : pairs) {
    if (is_there(folder / vocabulary) && is_there(folder / merges)) {
      return pair_source(folder / vocabulary, folder / merges);
    }
  }
  for (const std::string_view name : sentencepiece_names) {
    if (is_there(folder / name)) {
      return TokenizerSource{TokenizerForm::sentencepiece, {{folder / name, "tokenizer.model"}}};
    }
  }
  return std::nullopt;
}

TokenizerSource find_tokenizer(const fs::path& source) {
  if (source == "bytes") return {};
  if (is_folder(source)) {
    if (auto found = find_tokenizer_in(source)) return *std::move(found);
    throw_user(
        "no tokenizer in the folder {}: looked for tokenizer.json, for encoder.json with vocab.bpe, for vocab.json "
        "with merges.txt, and for tokenizer.model",
        source.string());
  }
  if (!is_there(source)) {
    throw_user(
        "no tokenizer {}: expected \"bytes\", a tokenizer.json, a SentencePiece .model, a folder that holds one, or "
        "encoder.json with vocab.bpe beside it",
        source.string());
  }
  if (source.extension() == ".model") return {TokenizerForm::sentencepiece, {{source, "tokenizer.model"}}};
  const fs::path merges = merges_beside(source);
  if (merges.empty()) return {TokenizerForm::tokenizer_json, {{source, "tokenizer.json"}}};
  if (is_there(merges)) return pair_source(source, merges);
  throw_user("the tokenizer {} needs its merges beside it: looked for {}", source.string(), merges.string());
}

bool names_tokenizer(const fs::path& path) {
  if (path == "bytes") return true;
  if (is_folder(path)) return find_tokenizer_in(path).has_value();
  return path.filename() == "tokenizer.json" || path.extension() == ".model" || !merges_beside(path).empty();
}

}  // namespace kumiko
