#include "kumiko/tokenizer/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* tokenizer_config = "tokenizer_config.json";
constexpr const char* generation_config = "generation_config.json";

json read_config(const fs::path& path) {
  if (!fs::exists(path)) return json::object();
  try {
    json document = parse_json(read_text_file(path), "");
    if (!document.is_object()) JsonPlace(document, "").fail("an object");
    return document;
  } catch (const Error& error) {
    throw Error(error.kind(), path.string() + ": " + error.what());
  }
}

// The content of an added token, which is a string or an object.
std::optional<std::string> token_content(const json& config, const char* key) {
  const auto member = config.find(key);
  if (member == config.end()) return std::nullopt;
  if (member->is_string()) return member->get<std::string>();
  if (member->is_object() && member->contains("content") && (*member)["content"].is_string()) {
    return (*member)["content"].get<std::string>();
  }
  return std::nullopt;
}

std::optional<int32_t> eos_token_id(const json& config) {
  const auto member = config.find("eos_token_id");
  if (member == config.end()) return std::nullopt;
  const json& id = member->is_array() && !member->empty() ? member->front() : *member;
  if (!id.is_number_integer()) return std::nullopt;
  return id.get<int32_t>();
}

}  // namespace

std::vector<fs::path> tokenizer_config_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const char* name : {tokenizer_config, generation_config}) {
    if (fs::exists(folder / name)) files.push_back(folder / name);
  }
  return files;
}

void find_begin_of_text(const fs::path& folder, Tokenizer& tokenizer) {
  const json config = read_config(folder / tokenizer_config);
  const auto added = config.find("add_bos_token");
  if (added == config.end() || !added->is_boolean()) return;
  const auto content = token_content(config, "bos_token");
  tokenizer.set_begin_of_text(added->get<bool>() && content ? tokenizer.find_token(*content) : std::nullopt);
}

void find_end_of_document(const fs::path& folder, Tokenizer& tokenizer) {
  const auto configured = token_content(read_config(folder / tokenizer_config), "eos_token");
  const bool usable = configured && tokenizer.find_token(*configured);
  const bool telling = usable && std::find(end_of_document_names.begin(), end_of_document_names.end(), *configured) !=
                                     end_of_document_names.end();
  if (telling || (usable && !tokenizer.end_of_document())) return tokenizer.set_end_of_document(*configured);
  if (tokenizer.end_of_document()) return;
  const auto id = eos_token_id(read_config(folder / generation_config));
  if (id && tokenizer.has_token(*id)) tokenizer.set_end_of_document(*id);
}

}  // namespace kumiko
