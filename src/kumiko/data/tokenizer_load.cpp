#include <array>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/data/tokenizer.h"
#include "kumiko/data/tokenizer_json.h"

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
  void encode(std::string_view text, std::vector<int32_t>& ids) const override {
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

Tokenizer load_pair(const fs::path& vocabulary, const fs::path& merges) {
  const std::string vocabulary_text = read_text_file(vocabulary);
  const std::string merges_text = read_text_file(merges);
  return read_naming(vocabulary, [&] { return tokenizer_from_vocabulary(vocabulary_text, merges_text); });
}

Tokenizer load_folder(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return load_tokenizer(folder / "tokenizer.json");
  for (const auto& [vocabulary, merges] : pairs) {
    if (fs::exists(folder / vocabulary) && fs::exists(folder / merges)) {
      return load_pair(folder / vocabulary, folder / merges);
    }
  }
  throw_user(
      "no tokenizer in the folder {}: looked for tokenizer.json, for encoder.json with vocab.bpe, and for vocab.json "
      "with merges.txt",
      folder.string());
}

}  // namespace

Tokenizer load_tokenizer(const fs::path& source) {
  if (source == "bytes") return {std::make_unique<Bytes>(), {}};
  if (fs::is_directory(source)) return load_folder(source);
  if (!fs::exists(source)) {
    throw_user(
        "no tokenizer {}: expected \"bytes\", a tokenizer.json, a folder that holds one, or encoder.json with "
        "vocab.bpe "
        "beside it",
        source.string());
  }
  if (const fs::path merges = merges_beside(source); !merges.empty()) {
    if (fs::exists(merges)) return load_pair(source, merges);
    throw_user("the tokenizer {} needs its merges beside it: looked for {}", source.string(), merges.string());
  }
  const std::string text = read_text_file(source);
  return read_naming(source, [&] { return tokenizer_from_json(text); });
}

}  // namespace kumiko
