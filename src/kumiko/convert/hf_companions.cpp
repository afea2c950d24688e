#include "kumiko/convert/hf_companions.h"

#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"
#include "kumiko/tokenizer/tokenizer.h"
#include "kumiko/train/kept_tokenizer.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr const char* generation_config_name = "generation_config.json";

struct NamedToken {
  std::string text;
  int32_t id = 0;
};

// The tokens that begin and end a text.
struct TextBounds {
  std::optional<NamedToken> begin;
  std::optional<NamedToken> end;
};

// Of the tokenizer in `directory`; nothing if there is none that can be read.
TextBounds text_bounds(const fs::path& directory) {
  TextBounds bounds;
  try {
    const Tokenizer tokenizer = load_tokenizer(directory);
    for (const AddedToken& token : tokenizer.added_tokens()) {
      if (token.id == tokenizer.end_of_document()) bounds.end = {token.content, token.id};
      if (token.content == "<s>" || token.content == "<|begin_of_text|>") bounds.begin = {token.content, token.id};
    }
    // One token does for both, as in GPT-2, unless there is one for each.
    if (!bounds.begin) bounds.begin = bounds.end;
  } catch (const Error& error) {
    log::warning("no ids of the tokens that begin and end texts are written: {}", error.what());
  }
  return bounds;
}

void write(const fs::path& path, const std::string& text) {
  OutputFile file(path);
  file.write(text);
  file.finish();
}

// Without it, others would have to guess the kind of tokenizer from the kind of model.
void write_tokenizer_config(const fs::path& path, const TextBounds& bounds, int64_t max_length) {
  nlohmann::ordered_json config = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                   {"model_max_length", max_length},
                                   {"clean_up_tokenization_spaces", false}};
  if (bounds.begin) config["bos_token"] = bounds.begin->text;
  if (bounds.end) config["eos_token"] = bounds.end->text;
  write(path, config.dump(2) + "\n");
}

HfTokenIds ids_in(const std::string& generation_config, const fs::path& path) {
  try {
    const auto settings = parse_json(generation_config, path.string());
    const auto id = [&settings](const char* key) { return settings.value(key, nlohmann::json()).dump(); };
    return {id("bos_token_id"), id("eos_token_id"), id("pad_token_id")};
  } catch (const nlohmann::json::exception& error) {
    throw_user("{} is not a JSON object: {}", path.string(), json_reason(error));
  }
}

// What `ids` leaves open is taken from `others`.
void fill_in(HfTokenIds& ids, const HfTokenIds& others) {
  const auto fill = [](std::string& id, const std::string& other) {
    if (id == "null") id = other;
  };
  fill(ids.bos, others.bos);
  fill(ids.eos, others.eos);
  fill(ids.pad, others.pad);
}

}  // namespace

HfTokenIds token_ids_of(const CheckpointSource& source) {
  HfTokenIds ids;
  for (const fs::path& directory : {source.path(), source.path().parent_path()}) {
    const fs::path path = directory / generation_config_name;
    if (fs::exists(path)) fill_in(ids, ids_in(read_text_file(path), path));
  }
  const fs::path kept = kept_directory(source.path());
  if (!kept.empty() && (ids.bos == "null" || ids.eos == "null")) {
    const TextBounds bounds = text_bounds(kept);
    HfTokenIds found;
    if (bounds.begin) found.bos = std::to_string(bounds.begin->id);
    if (bounds.end) found.eos = std::to_string(bounds.end->id);
    fill_in(ids, found);
  }
  return ids;
}

void keep_token_ids(const fs::path& config, const fs::path& directory) {
  const fs::path path = directory / generation_config_name;
  const std::string text = fs::exists(path) ? read_text_file(path) : "{}";
  HfTokenIds ids = ids_in(text, path);
  fill_in(ids, ids_in(read_text_file(config), config));
  auto settings = parse_ordered_json(text, path.string());
  const nlohmann::ordered_json before = settings;
  const auto keep = [&settings](const char* key, const std::string& id) {
    if (id != "null") settings[key] = parse_json(id, key);
  };
  keep("bos_token_id", ids.bos);
  keep("eos_token_id", ids.eos);
  keep("pad_token_id", ids.pad);
  if (settings != before) write(path, settings.dump(2) + "\n");
}

void write_companions(const CheckpointSource& source, const fs::path& folder) {
  // GPT-2's own pair of files goes by other names among them.
  const std::array<std::pair<const char*, const char*>, 2> pair = {
      {{"encoder.json", "vocab.json"}, {"vocab.bpe", "merges.txt"}}};
  const fs::path kept = kept_directory(source.path());
  // All from one place: files of two tokenizers would not belong together.
  const fs::path directory = kept.empty() ? source.path().parent_path() : kept;
  for (const char* name : companion_files) {
    if (fs::exists(directory / name)) write(folder / name, read_text_file(directory / name));
  }
  for (const auto& [ours, theirs] : pair) {
    if (fs::exists(directory / ours)) write(folder / theirs, read_text_file(directory / ours));
  }
  if (fs::exists(folder / "tokenizer.json") && !fs::exists(folder / "tokenizer_config.json")) {
    write_tokenizer_config(folder / "tokenizer_config.json", text_bounds(directory),
                           source.model().max_position_embeddings);
  }
}

}  // namespace kumiko
