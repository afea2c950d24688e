#include "kumiko/tokenizer/tokenizer_load.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_resolve.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

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

template <size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr const char* remedy =
    "make a tokenizer.json in its folder with transformers: "
    "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)";

// Steps of a component that may be a Sequence of them.
std::vector<json*> steps_of(json& component, const char* list) {
  std::vector<json*> steps;
  if (!component.is_object()) return steps;
  if (component.value("type", "") != "Sequence") return {&component};
  if (!component.contains(list) || !component[list].is_array()) return steps;
  for (json& step : component[list]) {
    if (step.is_object()) steps.push_back(&step);
  }
  return steps;
}

// Whether tokenizer.json puts a mark for a space before a text, where it is one that can.
std::optional<bool> marks_beginning(json& document) {
  for (const json* step : steps_of(document["normalizer"], "normalizers")) {
    if (step->value("type", "") == "Prepend") return true;
  }
  for (const json* step : steps_of(document["pre_tokenizer"], "pretokenizers")) {
    if (step->value("type", "") != "Metaspace") continue;
    const bool never = step->contains("prepend_scheme") ? (*step)["prepend_scheme"] == "never"
                                                        : !step->value("add_prefix_space", true);
    return !never;
  }
  return std::nullopt;
}

TokenizerParts read_tokenizer_json(std::string_view text, const TokenizerSettings& settings) {
  json document = parse_json(text, "");
  apply_prefix_space(document, settings);
  return parts_from_json(document);
}

TokenizerParts read_source(const TokenizerSource& source, const TokenizerSettings& settings) {
  std::vector<std::string> texts;
  for (const TokenizerFile& file : source.files) texts.push_back(read_text_file(file.path));
  switch (source.form) {
    case TokenizerForm::tokenizer_json:
      return read_tokenizer_json(texts[0], settings);
    case TokenizerForm::sentencepiece:
      return parts_from_sentencepiece(texts[0], prefix_of(settings));
    case TokenizerForm::pair: {
      const PairPattern pattern = pattern_of(settings);
      return parts_from_vocabulary(texts[0], texts[1], pattern, settings.add_prefix_space.value_or(false));
    }
    case TokenizerForm::bytes:
      break;
  }
  TokenizerParts parts;
  parts.model = std::make_unique<Bytes>();
  return parts;
}

}  // namespace

// add_prefix_space stands in two files. The classes named here build their own pre-tokenizer from the one beside.
void apply_prefix_space(json& document, const TokenizerSettings& settings) {
  constexpr std::array<std::string_view, 6> byte_level_classes = {
      "GPT2Tokenizer", "Qwen2Tokenizer", "RobertaTokenizer", "BartTokenizer", "CodeGenTokenizer", "GPTNeoXTokenizer"};
  constexpr std::array<std::string_view, 2> metaspace_classes = {"LlamaTokenizer", "CodeLlamaTokenizer"};
  if (!settings.add_prefix_space || !document.is_object()) return;
  const bool wanted = *settings.add_prefix_space;
  for (json* step : steps_of(document["pre_tokenizer"], "pretokenizers")) {
    if (step->value("type", "") != "ByteLevel") continue;
    if (step->value("add_prefix_space", true) == wanted) continue;
    if (is_one_of(settings.tokenizer_class, byte_level_classes)) {
      (*step)["add_prefix_space"] = wanted;
    } else {
      log::warning(
          "add_prefix_space = {} in tokenizer_config.json is passed over: tokenizer.json beside it says {}, and counts",
          wanted, !wanted);
    }
  }
  const auto marks = marks_beginning(document);
  if (marks && *marks != wanted && is_one_of(settings.tokenizer_class, metaspace_classes)) {
    throw_user(
        "tokenizer_config.json beside it has add_prefix_space = {}, but tokenizer.json {} a mark for a space before a "
        "text: programs differ on which of them counts; make them agree",
        wanted, wanted ? "does not put" : "puts");
  }
}

// A pair of files does not say how texts are cut: the class does that is to read it.
PairPattern pattern_of(const TokenizerSettings& settings) {
  const std::string& name = settings.tokenizer_class;
  if (name == "GPT2Tokenizer") return PairPattern::gpt2;
  if (name == "Qwen2Tokenizer") return PairPattern::qwen2;
  if (!name.empty()) {
    throw_user(
        "its tokenizer_class is {}: vocab.json with merges.txt is read for GPT2Tokenizer and Qwen2Tokenizer only, "
        "since each class cuts texts in its own way; {}",
        name, remedy);
  }
  const std::string& type = settings.model_type;
  if (type == "qwen2" || type == "qwen2_moe" || type == "qwen3" || type == "qwen3_moe") return PairPattern::qwen2;
  constexpr std::array<std::string_view, 4> gpt2_types = {"", "gpt2", "llama", "mistral"};
  if (!is_one_of(type, gpt2_types)) {
    throw_user(
        "config.json beside it has the model_type {}, and no file a tokenizer_class: how vocab.json with merges.txt "
        "cuts texts is not known for it; {}",
        type, remedy);
  }
  return PairPattern::gpt2;
}

SpacePrefix prefix_of(const TokenizerSettings& settings) {
  const std::string& name = settings.tokenizer_class;
  constexpr std::array<std::string_view, 5> plain = {"", "GemmaTokenizer", "PreTrainedTokenizerFast",
                                                     "TokenizersBackend", "PreTrainedTokenizer"};
  if (name == "LlamaTokenizer") {
    if (settings.add_prefix_space == false) return SpacePrefix::never;
    return settings.legacy.value_or(false) ? SpacePrefix::always : SpacePrefix::first;
  }
  if (is_one_of(name, plain)) return SpacePrefix::by_model;
  throw_user(
      "its tokenizer_class is {}: a .model is read for LlamaTokenizer and GemmaTokenizer, and without a class; others "
      "move ids or change texts in ways of their own; {}",
      name, remedy);
}

std::vector<TokenizerFile> tokenizer_files(const fs::path& path) {
  TokenizerSource source = find_tokenizer(path);
  if (source.form == TokenizerForm::bytes) return {};
  const TokenizerSettings settings = read_tokenizer_settings(source.folder());
  source.files.insert(source.files.end(), settings.files.begin(), settings.files.end());
  return source.files;
}

Tokenizer load_tokenizer(const fs::path& path) {
  const TokenizerSource source = find_tokenizer(path);
  if (source.form == TokenizerForm::bytes) return Tokenizer(read_source(source, {}));
  const TokenizerSettings settings = read_tokenizer_settings(source.folder());
  try {
    TokenizerParts parts = read_source(source, settings);
    apply_settings(parts, settings);
    return Tokenizer(std::move(parts));
  } catch (const Error& error) {
    throw Error(error.kind(), fmt::format("the tokenizer {}: {}", source.files[0].path.string(), error.what()));
  }
}

}  // namespace kumiko
