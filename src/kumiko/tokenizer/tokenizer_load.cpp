#include <array>
#include <optional>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_config.h"
#include "kumiko/tokenizer/tokenizer_json.h"
#include "kumiko/tokenizer/tokenizer_sentencepiece.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

class Bytes : public TokenizerModel {
 public:
  Bytes() {
    for (int byte = 0; byte < 256; ++byte) tokens_.emplace_back(1, static_cast<char>(byte));
  }
  std::string_view kind() const override { return "bytes"; }
  bool needs_utf8() const override { return false; }
  const std::vector<std::string>& tokens() const override { return tokens_; }
  void encode(std::string_view text, TextStart, std::vector<int32_t>& ids) const override {
    for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
  }

 private:
  std::vector<std::string> tokens_;
};

// The two ways in which GPT-2's vocabulary and merges are named.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> pairs = {
    {{"encoder.json", "vocab.bpe"}, {"vocab.json", "merges.txt"}}};

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

// Adds to the message which file it is about.
template <class Read>
Tokenizer read_naming(const fs::path& path, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("the tokenizer {}: {}", path.string(), error.what()));
  }
}

enum class Form { bytes, tokenizer_json, sentencepiece, pair };

struct Source {
  Form form = Form::bytes;
  std::vector<TokenizerFile> files;  // of the tokenizer itself

  // Beside it there may be more to know.
  fs::path folder() const { return files[0].path.parent_path(); }
};

// The plain names of GPT-2's pair, whatever prefix the files themselves bear.
Source pair_source(const fs::path& vocabulary, const fs::path& merges) {
  return {Form::pair, {{vocabulary, "encoder.json"}, {merges, "vocab.bpe"}}};
}

// The names that SentencePiece models go by.
constexpr std::array<std::string_view, 3> sentencepiece_names = {"tokenizer.model", "spiece.model",
                                                                 "sentencepiece.bpe.model"};

std::optional<Source> find_in(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json"))
    return Source{Form::tokenizer_json, {{folder / "tokenizer.json", "tokenizer.json"}}};
  for (const auto& [vocabulary, merges] : pairs) {
    if (fs::exists(folder / vocabulary) && fs::exists(folder / merges)) {
      return pair_source(folder / vocabulary, folder / merges);
    }
  }
  for (const std::string_view name : sentencepiece_names) {
    if (fs::exists(folder / name)) return Source{Form::sentencepiece, {{folder / name, "tokenizer.model"}}};
  }
  return std::nullopt;
}

Source find_source(const fs::path& source) {
  if (source == "bytes") return {};
  if (fs::is_directory(source)) {
    if (auto found = find_in(source)) return *std::move(found);
    throw_user(
        "no tokenizer in the folder {}: looked for tokenizer.json, for encoder.json with vocab.bpe, for vocab.json "
        "with merges.txt, and for tokenizer.model",
        source.string());
  }
  if (!fs::exists(source)) {
    throw_user(
        "no tokenizer {}: expected \"bytes\", a tokenizer.json, a SentencePiece .model, a folder that holds one, or "
        "encoder.json with vocab.bpe beside it",
        source.string());
  }
  if (source.extension() == ".model") return {Form::sentencepiece, {{source, "tokenizer.model"}}};
  const fs::path merges = merges_beside(source);
  if (merges.empty()) return {Form::tokenizer_json, {{source, "tokenizer.json"}}};
  if (fs::exists(merges)) return pair_source(source, merges);
  throw_user("the tokenizer {} needs its merges beside it: looked for {}", source.string(), merges.string());
}

Tokenizer read_source(const Source& source) {
  std::vector<std::string> texts;
  for (const TokenizerFile& file : source.files) texts.push_back(read_text_file(file.path));
  switch (source.form) {
    case Form::tokenizer_json:
      return tokenizer_from_json(texts[0]);
    case Form::sentencepiece:
      return tokenizer_from_sentencepiece(texts[0]);
    case Form::pair:
      return tokenizer_from_vocabulary(texts[0], texts[1]);
    case Form::bytes:
      break;
  }
  TokenizerParts parts;
  parts.model = std::make_unique<Bytes>();
  return Tokenizer(std::move(parts));
}

}  // namespace

std::vector<TokenizerFile> tokenizer_files(const fs::path& path) {
  Source source = find_source(path);
  if (source.form == Form::bytes) return {};
  for (const fs::path& config : tokenizer_config_files(source.folder())) {
    source.files.push_back({config, config.filename().string()});
  }
  return source.files;
}

bool names_tokenizer(const fs::path& path) {
  if (path == "bytes") return true;
  if (fs::is_directory(path)) return find_in(path).has_value();
  return path.filename() == "tokenizer.json" || path.extension() == ".model" || !merges_beside(path).empty();
}

Tokenizer load_tokenizer(const fs::path& path) {
  const Source source = find_source(path);
  if (source.form == Form::bytes) return read_source(source);
  Tokenizer tokenizer = read_naming(source.files[0].path, [&] { return read_source(source); });
  find_end_of_document(source.folder(), tokenizer);
  find_begin_of_text(source.folder(), tokenizer);
  return tokenizer;
}

}  // namespace kumiko
