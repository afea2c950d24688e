#include "kumiko/checkpoint/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/checkpoint/cover.h"

namespace kumiko {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json encode(const FileRecord& file) {
  return {{"name", file.name},
          {"size", file.size},
          {"checksum", checksum_text(file.checksum)},
          {"header_size", file.header_size},
          {"header_checksum", checksum_text(file.header_checksum)}};
}

ordered_json encode(const TensorRecord& tensor) {
  ordered_json chunks = ordered_json::array();
  for (const ChunkRecord& chunk : tensor.chunks) {
    chunks.push_back({{"offset", chunk.box.offset.sizes()},
                      {"size", chunk.box.size.sizes()},
                      {"file", chunk.file},
                      {"bytes", {chunk.begin, chunk.end}},
                      {"checksum", checksum_text(chunk.checksum)}});
  }
  return {{"shape", tensor.shape.sizes()},
          {"dtype", name_of(tensor.dtype)},
          {"role", name_of(tensor.role)},
          {"chunks", std::move(chunks)}};
}

}  // namespace

std::string_view name_of(TensorRole role) { return role == TensorRole::optimizer ? "optimizer" : "parameter"; }

std::string kumiko_version() { return KUMIKO_VERSION; }

std::string to_json(const Manifest& manifest) {
  ordered_json state;
  try {
    state = parse_ordered_json(manifest.state, "");
  } catch (const Error& error) {
    throw_internal("the state of a checkpoint is {}", error.what());
  }
  std::string text = fmt::format(
      "{{\n\"format\": \"{}\",\n\"format_version\": {},\n\"kumiko_version\": {},\n\"step\": {},\n\"state\": {},\n",
      manifest_format, manifest_format_version, json(manifest.kumiko_version).dump(), manifest.step, state.dump(1));
  text += "\"files\": [";
  const char* separator = "\n";
  for (const FileRecord& file : manifest.files) {
    text += separator + encode(file).dump();
    separator = ",\n";
  }
  text += "\n],\n\"tensors\": {";
  separator = "\n";
  for (const auto& [name, tensor] : manifest.tensors) {
    text += separator + json(name).dump() + ": " + encode(tensor).dump();
    separator = ",\n";
  }
  return text + "\n}\n}\n";
}

void merge(Manifest& manifest, Manifest part) {
  manifest.files.insert(manifest.files.end(), part.files.begin(), part.files.end());
  for (auto& [name, tensor] : part.tensors) {
    const auto [existing, added] = manifest.tensors.try_emplace(name, tensor);
    if (!added) {
      std::move(tensor.chunks.begin(), tensor.chunks.end(), std::back_inserter(existing->second.chunks));
    }
  }
}

std::optional<std::string> defect_of(const Manifest& manifest) {
  std::map<std::string, std::vector<std::pair<size_t, size_t>>> ranges;
  for (const FileRecord& file : manifest.files) ranges[file.name].emplace_back(0, file.header_size);
  for (const auto& [name, tensor] : manifest.tensors) {
    std::vector<Box> boxes;
    for (const ChunkRecord& chunk : tensor.chunks) {
      boxes.push_back(chunk.box);
      ranges[chunk.file].emplace_back(chunk.begin, chunk.end);
    }
    if (const auto defect = cover_defect(tensor.shape, boxes)) return fmt::format("tensor '{}': {}", name, *defect);
  }
  for (const FileRecord& file : manifest.files) {
    auto& parts = ranges[file.name];
    std::sort(parts.begin(), parts.end());
    size_t covered = 0;
    for (const auto& [begin, end] : parts) {
      if (begin != covered) {
        return fmt::format("file '{}': byte {} belongs to no tensor, or to two", file.name, std::min(begin, covered));
      }
      covered = end;
    }
    if (covered != file.size) {
      return fmt::format("file '{}': {} of {} bytes are accounted for", file.name, covered, file.size);
    }
  }
  return std::nullopt;
}

void check_complete(const Manifest& manifest) {
  if (const auto defect = defect_of(manifest)) throw_internal("{}", *defect);
}

}  // namespace kumiko
