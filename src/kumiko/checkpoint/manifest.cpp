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

constexpr int64_t format_version = 1;
constexpr const char* format_name = "kumiko checkpoint";

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

Shape decode_shape(const json& sizes) {
  const auto values = sizes.get<std::vector<int64_t>>();
  if (values.size() > Shape::max_rank) throw_user("{} dims; at most {} are supported", values.size(), Shape::max_rank);
  int64_t bits = 63;  // the bytes of any tensor stay countable
  for (const int64_t value : values) {
    if (value < 0) throw_user("the size {} is negative", value);
    for (int64_t rest = value; rest > 1; rest /= 2) --bits;
  }
  if (bits < static_cast<int64_t>(values.size()) + 4) throw_user("the sizes {} are too large", sizes.dump());
  return Shape(values);
}

uint64_t decode_checksum(const json& text) { return std::stoull(text.get<std::string>(), nullptr, 16); }

FileRecord decode_file(const json& value) {
  return {value.at("name").get<std::string>(), value.at("size").get<size_t>(), decode_checksum(value.at("checksum")),
          value.at("header_size").get<size_t>(), decode_checksum(value.at("header_checksum"))};
}

ChunkRecord decode_chunk(const json& value) {
  ChunkRecord chunk;
  chunk.box = {decode_shape(value.at("offset")), decode_shape(value.at("size"))};
  chunk.file = value.at("file").get<std::string>();
  chunk.begin = value.at("bytes").at(0).get<size_t>();
  chunk.end = value.at("bytes").at(1).get<size_t>();
  chunk.checksum = decode_checksum(value.at("checksum"));
  return chunk;
}

void check_chunk(const TensorRecord& tensor, const ChunkRecord& chunk,
                 const std::map<std::string, size_t>& file_sizes) {
  if (!contains(Box::whole(tensor.shape), chunk.box)) {
    throw_user("the box {} lies outside the shape {}", chunk.box.to_string(), tensor.shape.to_string());
  }
  const auto file = file_sizes.find(chunk.file);
  if (file == file_sizes.end()) throw_user("the file '{}' is not listed", chunk.file);
  const size_t size = static_cast<size_t>(chunk.box.num_elements()) * size_of(tensor.dtype);
  if (chunk.begin > chunk.end || chunk.end > file->second || chunk.end - chunk.begin != size) {
    throw_user("the bytes [{}, {}] of {} ({} bytes) cannot hold {} bytes", chunk.begin, chunk.end, chunk.file,
               file->second, size);
  }
}

TensorRecord decode_tensor(const json& value, const std::map<std::string, size_t>& file_sizes) {
  TensorRecord tensor;
  tensor.shape = decode_shape(value.at("shape"));
  tensor.dtype = dtype_from_name(value.at("dtype").get<std::string>());
  const auto role = value.at("role").get<std::string>();
  if (role != "parameter" && role != "optimizer") throw_user("unknown role '{}'", role);
  tensor.role = role == "optimizer" ? TensorRole::optimizer : TensorRole::parameter;
  for (const json& chunk : value.at("chunks")) {
    tensor.chunks.push_back(decode_chunk(chunk));
    check_chunk(tensor, tensor.chunks.back(), file_sizes);
  }
  return tensor;
}

Manifest decode(const json& value) {
  if (!value.is_object() || value.value("format", "") != format_name) throw_user("it is not a {}", format_name);
  const auto version = value.at("format_version").get<int64_t>();
  if (version != format_version) {
    throw_user("it has format version {}, written by kumiko {}; this kumiko {} reads version {}", version,
               value.value("kumiko_version", "?"), kumiko_version(), format_version);
  }
  Manifest manifest;
  manifest.kumiko_version = value.at("kumiko_version").get<std::string>();
  manifest.step = value.at("step").get<int64_t>();
  std::map<std::string, size_t> file_sizes;
  for (const json& file : value.at("files")) {
    manifest.files.push_back(decode_file(file));
    file_sizes[manifest.files.back().name] = manifest.files.back().size;
  }
  for (const auto& [name, tensor] : value.at("tensors").items()) {
    try {
      manifest.tensors[name] = decode_tensor(tensor, file_sizes);
    } catch (const Error& error) {
      throw_user("tensor '{}': {}", name, error.what());
    }
  }
  return manifest;
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
      format_name, format_version, json(manifest.kumiko_version).dump(), manifest.step, state.dump(1));
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

Manifest parse_manifest(std::string_view text, const std::string& origin) {
  try {
    Manifest manifest = decode(json::parse(text));
    // Parsed once more to keep the order of the keys, which a person may have chosen with care.
    manifest.state = ordered_json::parse(text).at("state").dump();
    return manifest;
  } catch (const json::exception& error) {
    throw_user("{}: {}", origin, error.what());
  } catch (const std::logic_error&) {  // stoull
    throw_user("{}: a checksum is not a hexadecimal number", origin);
  } catch (const Error& error) {
    throw_user("{}: {}", origin, error.what());
  }
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

void check_complete(const Manifest& manifest) {
  std::map<std::string, std::vector<std::pair<size_t, size_t>>> ranges;
  for (const FileRecord& file : manifest.files) ranges[file.name].emplace_back(0, file.header_size);
  for (const auto& [name, tensor] : manifest.tensors) {
    std::vector<Box> boxes;
    for (const ChunkRecord& chunk : tensor.chunks) {
      boxes.push_back(chunk.box);
      ranges[chunk.file].emplace_back(chunk.begin, chunk.end);
    }
    if (const auto defect = cover_defect(tensor.shape, boxes)) throw_internal("tensor '{}': {}", name, *defect);
  }
  for (const FileRecord& file : manifest.files) {
    auto& parts = ranges[file.name];
    std::sort(parts.begin(), parts.end());
    size_t covered = 0;
    for (const auto& [begin, end] : parts) {
      if (begin != covered) throw_internal("file '{}': byte {} belongs to no tensor, or to two", file.name, covered);
      covered = end;
    }
    if (covered != file.size)
      throw_internal("file '{}': {} of {} bytes are accounted for", file.name, covered, file.size);
  }
}

}  // namespace kumiko
