#include "kumiko/convert/hf_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_text.h"

namespace kumiko {
namespace {

namespace fs = std::filesystem;

constexpr const char* single_file = "model.safetensors";
constexpr const char* index_file = "model.safetensors.index.json";

// Lines under a title, "" if there are none.
std::string listing(std::string_view title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  return fmt::format("\n  {} {}:\n    {}", lines.size(), title, fmt::join(lines, "\n    "));
}

std::string describe(const SafetensorsEntry& entry) { return entry.shape.to_string() + " " + entry.dtype_name; }

bool can_be_taken(const SafetensorsEntry& entry) {
  return entry.dtype == DType::f32 || entry.dtype == DType::bf16 || entry.dtype == DType::f16;
}

bool same_bits(const HfTensor& a, const HfTensor& b) {
  if (a.entry->dtype_name != b.entry->dtype_name || a.entry->shape != b.entry->shape) return false;
  const auto left = a.file->bytes(*a.entry);
  const auto right = b.file->bytes(*b.entry);
  // In parts, so that little of the files is in memory at a time.
  constexpr size_t part = size_t{16} << 20;
  for (size_t begin = 0; begin < left.size(); begin += part) {
    const size_t size = std::min(part, left.size() - begin);
    if (std::memcmp(left.data() + begin, right.data() + begin, size) != 0) return false;
    a.file->release(left.subspan(begin, size));
    b.file->release(right.subspan(begin, size));
  }
  return true;
}

// The files that the index names, in its order.
std::map<std::string, std::string> read_index(const fs::path& path) {
  try {
    return parse_json(read_text_file(path), path.string()).at("weight_map").get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception& error) {
    throw_user("{} has no weight_map from tensor names to files: {}", path.string(), json_reason(error));
  }
}

}  // namespace

HfFolder::HfFolder(const fs::path& path) : path_(path) {
  if (!fs::is_directory(path)) throw_user("{} is not a folder: expected one with config.json", path.string());
  if (!fs::exists(config_path())) throw_user("{} has no config.json: it is no model folder", path.string());
  // Of both, transformers takes the single file.
  if (fs::exists(path / single_file)) {
    open_file(single_file);
  } else if (fs::exists(path / index_file)) {
    open_indexed();
  } else {
    throw_user("{} has no weights that can be read: looked for {} and {}{}", path.string(), single_file, index_file,
               fs::exists(path / "pytorch_model.bin") || fs::exists(path / "pytorch_model.bin.index.json")
                   ? "; pytorch_model.bin is not read, save the model with safetensors"
                   : "");
  }
}

void HfFolder::open_file(const std::string& name) {
  const SafetensorsFile& file = files_.emplace_back(path_ / name);
  for (const SafetensorsEntry& entry : file.entries()) {
    const auto [known, added] = tensors_.try_emplace(entry.name, HfTensor{&file, &entry});
    if (added) continue;
    throw_user("the tensor {} stands in two files, {} and {}", entry.name, known->second.file->path().string(),
               file.path().string());
  }
}

void HfFolder::open_indexed() {
  const std::map<std::string, std::string> index = read_index(path_ / index_file);
  std::set<std::string> names;
  for (const auto& [tensor, file] : index) names.insert(file);
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (fs::path(name).filename() != name) {
      throw_user("{} names the file '{}': expected one beside it", (path_ / index_file).string(), name);
    }
    if (!fs::exists(path_ / name)) missing.push_back(name);
  }
  if (!missing.empty()) {
    throw_user("{} names files that are not there:\n  {}", (path_ / index_file).string(), fmt::join(missing, "\n  "));
  }
  for (const std::string& name : names) open_file(name);
  for (const auto& [tensor, file] : index) {
    const auto found = tensors_.find(tensor);
    if (found == tensors_.end() || found->second.file->path().filename() != file) {
      missing.push_back(fmt::format("{} in {}", tensor, file));
    }
  }
  if (!missing.empty()) {
    throw_user("{} names tensors that are not where it says:\n  {}", (path_ / index_file).string(),
               fmt::join(missing, "\n  "));
  }
}

std::vector<HfTensor> HfFolder::match(Architecture architecture, std::span<const ForeignTensor> expected) const {
  std::vector<std::string> twice, missing, different, types, extra;
  std::map<std::string, HfTensor> found;  // by the name without prefix
  for (const auto& [name, tensor] : tensors_) {
    if (is_hf_buffer(architecture, name)) continue;
    const auto [known, added] = found.try_emplace(std::string(without_hf_prefix(architecture, name)), tensor);
    if (!added) twice.push_back(known->second.entry->name + " and " + name);
  }
  std::vector<HfTensor> matched;
  const HfTensor embedding = [&] {
    const auto table = found.find(std::string(without_hf_prefix(architecture, expected.front().hf_name)));
    return table == found.end() ? HfTensor{} : table->second;
  }();
  for (const ForeignTensor& tensor : expected) {
    const auto place = found.find(std::string(without_hf_prefix(architecture, tensor.hf_name)));
    if (place == found.end()) {
      missing.push_back(fmt::format("{} {}", tensor.hf_name, tensor.hf_shape().to_string()));
      continue;
    }
    const SafetensorsEntry& entry = *place->second.entry;
    if (entry.shape != tensor.hf_shape()) {
      different.push_back(
          fmt::format("{}: expected {}, found {}", entry.name, tensor.hf_shape().to_string(), describe(entry)));
    } else if (!can_be_taken(entry)) {
      types.push_back(entry.name + " " + describe(entry));
    }
    matched.push_back(place->second);
    found.erase(place);
  }
  for (const auto& [name, tensor] : found) {
    const bool head = name == "lm_head.weight";
    if (head && embedding.entry != nullptr && same_bits(tensor, embedding)) continue;
    extra.push_back(tensor.entry->name + " " + describe(*tensor.entry) +
                    (head ? ": config.json says that the head is tied, but this is not the embedding; set "
                            "tie_word_embeddings to false to keep it"
                          : ""));
  }
  const std::string complaints = listing("missing", missing) + listing("of another shape", different) +
                                 listing("of a type other than F32, BF16 and F16", types) +
                                 listing("not expected", extra) + listing("there twice", twice);
  if (!complaints.empty()) {
    throw_user("the tensors in {} are not those of the model that its config.json describes{}", path_.string(),
               complaints);
  }
  return matched;
}

}  // namespace kumiko
