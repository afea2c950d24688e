#include "kumiko/convert/gguf_tokenizer.h"

#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"
#include "kumiko/tokenizer/sentencepiece_file.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/tokenizer/tokenizer_as_json.h"

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

json read_json(const fs::path& path) { return parse_json(read_text_file(path), path.string()); }

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
  // SmolLM's and StarCoder's: each digit alone, then as GPT-2.
  if (steps.size() == 2 && steps[0].value("type", "") == "Digits" && steps[0].value("individual_digits", false) &&
      is_byte_level(steps[1], true)) {
    return "smollm";
  }
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

  // A token without a row in the embedding, such as a mark for padding that was added later, has no place in the file.
  void set(int64_t id, const std::string& text, int32_t type) {
    if (id < 0 || static_cast<size_t>(id) >= tokens.size()) {
      left_out.push_back(fmt::format("{} ({})", text, id));
      return;
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
  std::vector<std::string> left_out;  // with their ids
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

// Those of a .model that has the same pieces, else ones in the order of the merges. The names and kinds of tokens are
// those of `document`, in which some may have been given others than the .model has.
std::vector<float> scores_of(const json& document, const fs::path& directory, const Vocabulary& vocabulary) {
  if (!fs::exists(directory / "tokenizer.model")) return scores_of_merges(document.at("model"), vocabulary);
  const SentencePieceFile file = read_sentencepiece_file(read_text_file(directory / "tokenizer.model"));
  std::vector<float> scores(vocabulary.tokens.size(), 0);
  for (size_t id = 0; id < file.pieces.size() && id < scores.size(); ++id) {
    const SentencePiece& piece = file.pieces[id];
    scores[id] = piece.score;
    const bool renamed = piece.type != SentencePiece::Type::normal || vocabulary.types[id] != Vocabulary::normal;
    if (piece.text != vocabulary.tokens[id] && !renamed) {
      throw_user(
          "tokenizer.json and tokenizer.model in {} are two tokenizers: the token {} is \"{}\" in one and \"{}\" in "
          "the other; remove the one that the model was not trained with",
          directory.string(), id, vocabulary.tokens[id], piece.text);
    }
  }
  return scores;
}

void add_byte_fallback(GgufSettings& settings, const json& document, const fs::path& directory,
                       Vocabulary& vocabulary) {
  refuse_other_steps(document);
  const json& model = document.at("model");
  for (const auto& [text, id] : model.at("vocab").items()) {
    vocabulary.set(id.get<int64_t>(), text, is_byte_token(text) ? Vocabulary::byte : Vocabulary::normal);
  }
  set_added_tokens(document, vocabulary);
  std::vector<float> scores = scores_of(document, directory, vocabulary);
  vocabulary.name_unused();
  settings.add("tokenizer.ggml.model", "llama");
  settings.add("tokenizer.ggml.pre", "default");
  settings.add("tokenizer.ggml.tokens", vocabulary.tokens);
  settings.add("tokenizer.ggml.scores", scores);
  settings.add("tokenizer.ggml.token_type", vocabulary.types);
  settings.add("tokenizer.ggml.add_space_prefix", prepends_space(document));
}

// A number, or a list of which the first counts; nothing where it is no token of the file.
std::optional<int64_t> first_id(const std::string& ids) {
  json value = parse_json(ids, "");
  if (value.is_array() && !value.empty()) value = value.at(0);
  return value.is_number_integer() ? std::optional(value.get<int64_t>()) : std::nullopt;
}

void add_id(GgufSettings& settings, const char* key, std::optional<int64_t> id, int64_t vocab_size) {
  if (!id) return;
  if (*id >= 0 && *id < vocab_size) return settings.add(key, static_cast<uint32_t>(*id));
  log::warning("{} is left out: the id {} is none of the {} tokens of the model", key, *id, vocab_size);
}

// The template itself, or of several in a list the one named default.
std::optional<std::string> template_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return std::nullopt;
  for (const json& entry : value) {
    if (entry.is_object() && entry.value("name", "") == "default" && entry.value("template", json()).is_string()) {
      return entry["template"].get<std::string>();
    }
  }
  return std::nullopt;
}

// How conversations become texts. A file of its own goes before the entry of tokenizer_config.json.
void add_chat_template(GgufSettings& settings, const fs::path& directory) {
  constexpr const char* key = "tokenizer.chat_template";
  if (fs::exists(directory / "chat_template.jinja")) {
    return settings.add(key, read_text_file(directory / "chat_template.jinja"));
  }
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    const fs::path path = directory / name;
    if (!fs::exists(path)) continue;
    const json document = read_json(path);
    const json value = document.is_object() ? document.value("chat_template", json()) : json();
    if (value.is_null()) continue;
    if (const auto found = template_of(value)) return settings.add(key, *found);
    log::warning("{}: its chat_template is no text and has none that is named default: the file goes without one",
                 path.string());
  }
}

void warn_of_left_out(const Vocabulary& vocabulary) {
  if (vocabulary.left_out.empty()) return;
  log::warning("tokens without a row in the model's embedding of {} are left out: {}", vocabulary.tokens.size(),
               fmt::join(vocabulary.left_out, ", "));
}

}  // namespace

void add_gguf_tokenizer(GgufSettings& settings, const fs::path& directory, int64_t vocab_size, const HfTokenIds& ids) {
  const Tokenizer tokenizer = load_tokenizer(directory);
  check_vocabulary(tokenizer, vocab_size, directory.string());
  try {
    const json document = tokenizer_as_json(directory);
    const json& model = document.at("model");
    if (model.value("type", "BPE") != "BPE") refuse("model", model.value("type", json()));
    Vocabulary vocabulary(vocab_size);
    if (model.value("byte_fallback", false)) {
      add_byte_fallback(settings, document, directory, vocabulary);
    } else {
      add_byte_level(settings, document, vocabulary);
    }
    warn_of_left_out(vocabulary);
    const NamedTokens& named = tokenizer.named_tokens();
    const auto id = [](std::optional<int32_t> own, const std::string& others) {
      return own ? std::optional<int64_t>(*own) : first_id(others);
    };
    add_id(settings, "tokenizer.ggml.bos_token_id", id(tokenizer.begin_of_text(), ids.bos), vocab_size);
    add_id(settings, "tokenizer.ggml.eos_token_id", id(named.eos, ids.eos), vocab_size);
    if (named.unknown) add_id(settings, "tokenizer.ggml.unknown_token_id", named.unknown, vocab_size);
    add_id(settings, "tokenizer.ggml.padding_token_id", id(named.pad, ids.pad), vocab_size);
    settings.add("tokenizer.ggml.add_bos_token", tokenizer.begin_of_text().has_value());
    add_chat_template(settings, directory);
  } catch (const json::exception& error) {
    throw_user("{} holds no tokenizer that can be read: {}", directory.string(), json_reason(error));
  }
}

}  // namespace kumiko
