#include <array>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_json.h"

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

// The plain names of GPT-2's pair, whatever prefix the files themselves bear.
std::vector<TokenizerFile> pair_files(const fs::path& vocabulary, const fs::path& merges) {
  return {{vocabulary, "encoder.json"}, {merges, "vocab.bpe"}};
}

std::vector<TokenizerFile> files_in(const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) return {{folder / "tokenizer.json", "tokenizer.json"}};
  for (const auto& [vocabulary, merges] : pairs) {
    if (fs::exists(folder / vocabulary) && fs::exists(folder / merges)) {
      return pair_files(folder / vocabulary, folder / merges);
    }
  }
  throw_user(
      "no tokenizer in the folder {}: looked for tokenizer.json, for encoder.json with vocab.bpe, and for vocab.json "
      "with merges.txt",
      folder.string());
}

}  // namespace

std::vector<TokenizerFile> tokenizer_files(const fs::path& source) {
  if (source == "bytes") return {};
  if (fs::is_directory(source)) return files_in(source);
  if (!fs::exists(source)) {
    throw_user(
        "no tokenizer {}: expected \"bytes\", a tokenizer.json, a folder that holds one, or encoder.json with "
        "vocab.bpe beside it",
        source.string());
  }
  const fs::path merges = merges_beside(source);
  if (merges.empty()) return {{source, "tokenizer.json"}};
  if (fs::exists(merges)) return pair_files(source, merges);
  throw_user("the tokenizer {} needs its merges beside it: looked for {}", source.string(), merges.string());
}

Tokenizer load_tokenizer(const fs::path& source) {
  const std::vector<TokenizerFile> files = tokenizer_files(source);
  if (files.empty()) return {std::make_unique<Bytes>(), {}};
  std::vector<std::string> texts;
  for (const TokenizerFile& file : files) texts.push_back(read_text_file(file.path));
  return read_naming(files[0].path, [&] {
    return files.size() == 1 ? tokenizer_from_json(texts[0]) : tokenizer_from_vocabulary(texts[0], texts[1]);
  });
}

}  // namespace kumiko
