#include "kumiko/convert/gguf_tokenizer.h"

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"
#include "kumiko/convert/sentencepiece_model.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The pre-tokenisers that llama.cpp knows by name, by the pattern in tokenizer.json.
struct KnownPattern {
  const char* name;
  const char* pattern;
};
constexpr std::array known_patterns = {
    KnownPattern{
        "llama-bpe",
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    KnownPattern{
        "qwen2",
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

// The steps of a component that may be a sequence of others.
std::vector<json> steps_of(const json& component, const char* list) {
  if (component.is_null()) return {};
  if (component.value("type", "") != "Sequence") return {component};
  std::vector<json> steps;
  for (const json& step : component.at(list)) steps.push_back(step);
  return steps;
}

[[noreturn]] void refuse(const char* component, const json& value) {
  throw_user("the tokenizer's {} is none that llama.cpp knows: {}; export with --no-tokenizer to go without", component,
             value.dump().substr(0, 300));
}

std::string pre_tokenizer_name(const json& pre_tokenizer) {
  const std::vector<json> steps = steps_of(pre_tokenizer, "pretokenizers");
  const auto is_byte_level = [](const json& step, bool use_regex) {
    return step.value("type", "") == "ByteLevel" && step.value("use_regex", true) == use_regex &&
           !step.value("add_prefix_space", true);
  };
  if (steps.size() == 1 && is_byte_level(steps[0], true)) return "gpt-2";
  if (steps.size() == 2 && steps[0].value("type", "") == "Split" && is_byte_level(steps[1], false)) {
    const std::string pattern = steps[0].at("pattern").value("Regex", "");
    for (const KnownPattern& known : known_patterns) {
      if (pattern == known.pattern) return known.name;
    }
  }
  refuse("pre_tokenizer", pre_tokenizer);
}

class Vocabulary {
 public:
  explicit Vocabulary(int64_t size) : tokens(static_cast<size_t>(size)), types(tokens.size(), unused) {}

  void set(int64_t id, const std::string& text, int32_t type) {
    if (id < 0 || static_cast<size_t>(id) >= tokens.size()) {
      throw_user("the tokenizer's token '{}' has the id {}, but the model knows {} tokens", text, id, tokens.size());
    }
    tokens[static_cast<size_t>(id)] = text;
    types[static_cast<size_t>(id)] = type;
  }

  void name_unused() {
    for (size_t id = 0; id < tokens.size(); ++id) {
      if (types[id] == unused && tokens[id].empty()) tokens[id] = fmt::format("[PAD{}]", id);
    }
  }

  // The format's numbers.
  static constexpr int32_t normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6;

  std::vector<std::string> tokens;
  std::vector<int32_t> types;
};

std::vector<std::pair<std::string, std::string>> merges_of(const json& model) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (const json& merge : model.at("merges")) {
    if (merge.is_array()) {
      merges.emplace_back(merge.at(0).get<std::string>(), merge.at(1).get<std::string>());
      continue;
    }
    const std::string text = merge.get<std::string>();
    const size_t space = text.find(' ', 1);
    if (space == std::string::npos) throw_user("the tokenizer's merge '{}' is not two tokens", text);
    merges.emplace_back(text.substr(0, space), text.substr(space + 1));
  }
  return merges;
}

void set_added_tokens(const json& document, Vocabulary& vocabulary) {
  for (const json& token : document.value("added_tokens", json::array())) {
    const bool special = token.value("special", false);
    const std::string content = token.at("content").get<std::string>();
    const bool is_unknown = special && content == document.at("model").value("unk_token", json());
    vocabulary.set(token.at("id").get<int64_t>(), content,
                   is_unknown ? Vocabulary::unknown
                   : special  ? Vocabulary::control
                              : Vocabulary::user_defined);
  }
}

bool is_byte_token(std::string_view text) {
  return text.size() == 6 && text.starts_with("<0x") && text.ends_with('>') &&
         text.substr(3, 2).find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// Whether a text begins with the token that begins texts.
bool adds_begin(const json& post_processor) {
  for (const json& step : steps_of(post_processor, "processors")) {
    const json single = step.value("single", json::array());
    if (!single.empty() && single.at(0).contains("SpecialToken")) return true;
  }
  return false;
}

bool prepends_space(const json& document) {
  for (const json& step : steps_of(document.value("normalizer", json()), "normalizers")) {
    if (step.value("type", "") == "Prepend") return true;
  }
  for (const json& step : steps_of(document.value("pre_tokenizer", json()), "pretokenizers")) {
    // The older spelling is a flag.
    const bool wanted = step.value("add_prefix_space", true) && step.value("prepend_scheme", "always") != "never";
    if (step.value("type", "") == "Metaspace" && wanted) return true;
  }
  return false;
}

void add_byte_level(GgufSettings& settings, const json& document, Vocabulary& vocabulary) {
  for (const json& step : steps_of(document.value("normalizer", json()), "normalizers")) {
    if (step.value("type", "") != "NFC") refuse("normalizer", step);
  }
  for (const auto& [text, id] : document.at("model").at("vocab").items()) {
    vocabulary.set(id.get<int64_t>(), text, Vocabulary::normal);
  }
  set_added_tokens(document, vocabulary);
  std::vector<std::string> merges;
  for (const auto& [left, right] : merges_of(document.at("model"))) merges.push_back(left + " " + right);
  vocabulary.name_unused();
  const std::string cutter = pre_tokenizer_name(document.value("pre_tokenizer", json()));
  if (cutter == "llama-bpe" && !document.at("model").value("ignore_merges", false)) {
    log::warning(
        "the tokenizer has ignore_merges = false, but llama.cpp takes a word that is a token as that token wherever it "
        "cuts as Llama 3 does: some words may become other tokens there");
  }
  settings.add("tokenizer.ggml.model", "gpt2");
  settings.add("tokenizer.ggml.pre", cutter);
  settings.add("tokenizer.ggml.tokens", vocabulary.tokens);
  settings.add("tokenizer.ggml.token_type", vocabulary.types);
  settings.add("tokenizer.ggml.merges", merges);
}

// llama.cpp joins any two neighbours whose union is a token, the best score first. That is the BPE of these merges if
// they hold every way to make each token, one token's ways after another's.
std::vector<float> scores_of_merges(const json& model, const Vocabulary& vocabulary) {
  const auto merges = merges_of(model);
  const json& ids = model.at("vocab");
  std::vector<float> scores(vocabulary.tokens.size(), 0);
  std::set<std::pair<std::string, std::string>> known(merges.begin(), merges.end());
  std::string exception;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string whole = merges[rank].first + merges[rank].second;
    const auto id = ids.find(whole);
    if (id == ids.end()) throw_user("the tokenizer's merge of '{}' makes no token", whole);
    float& score = scores[id->get<size_t>()];
    if (score != 0) continue;
    score = -static_cast<float>(rank + 1);
    for (size_t cut = 1; cut < whole.size() && exception.empty(); ++cut) {
      const std::string left = whole.substr(0, cut), right = whole.substr(cut);
      if (ids.contains(left) && ids.contains(right) && !known.contains({left, right})) exception = left + " + " + right;
    }
  }
  if (!exception.empty()) {
    log::warning(
        "the tokenizer has no merge {}, which llama.cpp will do: it may cut some words otherwise than the model was "
        "trained with",
        exception);
  }
  return scores;
}

// llama.cpp puts marks for spaces, perhaps one in front, and cuts nothing.
void refuse_other_steps(const json& document) {
  const json mark = "\u2581";
  for (const json& step : steps_of(document.value("normalizer", json()), "normalizers")) {
    const std::string type = step.value("type", "");
    const bool prepends = type == "Prepend" && step.value("prepend", json()) == mark;
    const bool replaces = type == "Replace" && step.value("content", json()) == mark &&
                          step.value("pattern", json::object()).value("String", "") == " ";
    if (!prepends && !replaces) refuse("normalizer", step);
  }
  const std::vector<json> steps = steps_of(document.value("pre_tokenizer", json()), "pretokenizers");
  for (const json& step : steps) {
    const bool marks = step.value("type", "") == "Metaspace" && step.value("replacement", json()) == mark;
    if (!marks || steps.size() > 1) refuse("pre_tokenizer", step);
  }
}

void add_byte_fallback(GgufSettings& settings, const json& document, const fs::path& directory,
                       Vocabulary& vocabulary) {
  refuse_other_steps(document);
  const json& model = document.at("model");
  for (const auto& [text, id] : model.at("vocab").items()) {
    vocabulary.set(id.get<int64_t>(), text, is_byte_token(text) ? Vocabulary::byte : Vocabulary::normal);
  }
  set_added_tokens(document, vocabulary);
  std::vector<float> scores;
  if (fs::exists(directory / "tokenizer.model")) {
    scores.resize(vocabulary.tokens.size(), 0);
    const std::vector<SentencePiece> pieces = read_sentencepiece_model(directory / "tokenizer.model");
    for (size_t id = 0; id < pieces.size() && id < scores.size(); ++id) {
      scores[id] = pieces[id].score;
      vocabulary.set(static_cast<int64_t>(id), pieces[id].text, pieces[id].type);
    }
  } else {
    scores = scores_of_merges(model, vocabulary);
  }
  vocabulary.name_unused();
  settings.add("tokenizer.ggml.model", "llama");
  settings.add("tokenizer.ggml.pre", "default");
  settings.add("tokenizer.ggml.tokens", vocabulary.tokens);
  settings.add("tokenizer.ggml.scores", scores);
  settings.add("tokenizer.ggml.token_type", vocabulary.types);
  settings.add("tokenizer.ggml.add_space_prefix", prepends_space(document));
}

void add_id(GgufSettings& settings, const char* key, const std::string& id) {
  json value = parse_json(id, key);
  if (value.is_array() && !value.empty()) value = value.at(0);  // several that end a text: the first
  if (value.is_number_unsigned()) settings.add(key, value.get<uint32_t>());
}

}  // namespace

void add_gguf_tokenizer(GgufSettings& settings, const fs::path& directory, int64_t vocab_size, const HfTokenIds& ids) {
  const fs::path path = directory / "tokenizer.json";
  if (!fs::exists(path)) {
    throw_user("{} has no tokenizer.json, from which the tokenizer of a GGUF file is made; export with --no-tokenizer",
               directory.string());
  }
  try {
    const json document = parse_json(read_text_file(path), path.string());
    const json& model = document.at("model");
    if (model.value("type", "BPE") != "BPE") refuse("model", model.value("type", json()));
    Vocabulary vocabulary(vocab_size);
    if (model.value("byte_fallback", false)) {
      add_byte_fallback(settings, document, directory, vocabulary);
    } else {
      add_byte_level(settings, document, vocabulary);
    }
    add_id(settings, "tokenizer.ggml.bos_token_id", ids.bos);
    add_id(settings, "tokenizer.ggml.eos_token_id", ids.eos);
    add_id(settings, "tokenizer.ggml.padding_token_id", ids.pad);
    settings.add("tokenizer.ggml.add_bos_token", adds_begin(document.value("post_processor", json())));
  } catch (const json::exception& error) {
    throw_user("{} is not a tokenizer that can be read: {}", path.string(), json_reason(error));
  }
}

}  // namespace kumiko
