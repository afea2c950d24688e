#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "kumiko/base/error.h"
#include "kumiko/base/json_place.h"
#include "kumiko/base/json_text.h"
#include "kumiko/checkpoint/cover.h"
#include "kumiko/checkpoint/manifest.h"

namespace kumiko {
namespace {

Shape decode_shape(const JsonPlace& place) {
  std::vector<int64_t> sizes;
  int64_t bits = 63;  // the bytes of any tensor stay countable
  for (const JsonPlace& size : place.elements()) {
    sizes.push_back(size.size());
    for (int64_t rest = sizes.back(); rest > 1; rest /= 2) --bits;
  }
  if (sizes.size() > Shape::max_rank) throw_user("{} dims; at most {} are supported", sizes.size(), Shape::max_rank);
  if (bits < static_cast<int64_t>(sizes.size()) + 4) {
    throw_user("{}: the sizes {} are too large", place.path(), place.value().dump());
  }
  return Shape(sizes);
}

uint64_t decode_checksum(const JsonPlace& place) {
  const std::string text = place.string();
  const bool hexadecimal = text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  if (text.empty() || text.size() > 16 || !hexadecimal) place.fail("a checksum of 16 hexadecimal digits");
  return std::stoull(text, nullptr, 16);
}

FileRecord decode_file(const JsonPlace& place) {
  FileRecord file{place["name"].string(), static_cast<size_t>(place["size"].size()), decode_checksum(place["checksum"]),
                  static_cast<size_t>(place["header_size"].size()), decode_checksum(place["header_checksum"])};
  // A manifest speaks of the files beside it, and of no others.
  const bool has_separator = file.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos;
  if (file.name.empty() || file.name == "." || file.name == ".." || has_separator) {
    place["name"].fail("the name of a file beside the manifest, without a folder");
  }
  if (file.header_size > file.size) {
    place["header_size"].fail(fmt::format("at most the size of the file, {}", file.size));
  }
  return file;
}

ChunkRecord decode_chunk(const JsonPlace& place) {
  ChunkRecord chunk;
  chunk.box = {decode_shape(place["offset"]), decode_shape(place["size"])};
  chunk.file = place["file"].string();
  const std::vector<JsonPlace> bytes = place["bytes"].elements();
  if (bytes.size() != 2) place["bytes"].fail("[begin, end]");
  chunk.begin = static_cast<size_t>(bytes[0].size());
  chunk.end = static_cast<size_t>(bytes[1].size());
  chunk.checksum = decode_checksum(place["checksum"]);
  return chunk;
}

void check_chunk(const TensorRecord& tensor, const ChunkRecord& chunk, const std::map<std::string, FileRecord>& files) {
  if (chunk.box.offset.rank() != chunk.box.size.rank()) {
    throw_user("the box of {} dims has an offset of {}", chunk.box.size.rank(), chunk.box.offset.rank());
  }
  if (!contains(Box::whole(tensor.shape), chunk.box)) {
    throw_user("the box {} lies outside the shape {}", chunk.box.to_string(), tensor.shape.to_string());
  }
  const auto file = files.find(chunk.file);
  if (file == files.end()) throw_user("the file '{}' is not listed", chunk.file);
  const size_t size = static_cast<size_t>(chunk.box.num_elements()) * size_of(tensor.dtype);
  if (chunk.begin < file->second.header_size || chunk.begin > chunk.end || chunk.end > file->second.size ||
      chunk.end - chunk.begin != size) {
    throw_user("the bytes [{}, {}] of {} ({} bytes, of them {} of the header) cannot hold {} bytes", chunk.begin,
               chunk.end, chunk.file, file->second.size, file->second.header_size, size);
  }
}

TensorRecord decode_tensor(const JsonPlace& place, const std::map<std::string, FileRecord>& files) {
  TensorRecord tensor;
  tensor.shape = decode_shape(place["shape"]);
  tensor.dtype = dtype_from_name(place["dtype"].string());
  const std::string role = place["role"].string();
  if (role != "parameter" && role != "optimizer") throw_user("unknown role '{}'", role);
  tensor.role = role == "optimizer" ? TensorRole::optimizer : TensorRole::parameter;
  for (const JsonPlace& chunk : place["chunks"].elements()) {
    tensor.chunks.push_back(decode_chunk(chunk));
    check_chunk(tensor, tensor.chunks.back(), files);
  }
  return tensor;
}

Manifest decode(const JsonPlace& place) {
  const bool is_manifest = place.value().is_object() && place.value().contains("format") &&
                           place.value()["format"].is_string() && place.value()["format"] == manifest_format;
  if (!is_manifest) throw_user("it is not a {}", manifest_format);
  Manifest manifest;
  manifest.kumiko_version = place.string("kumiko_version", "?");
  const int64_t version = place["format_version"].integer();
  if (version != manifest_format_version) {
    throw_user("it has format version {}, written by kumiko {}; this kumiko {} reads version {}", version,
               manifest.kumiko_version, kumiko_version(), manifest_format_version);
  }
  manifest.step = place["step"].size();
  std::map<std::string, FileRecord> files;
  for (const JsonPlace& file : place["files"].elements()) {
    manifest.files.push_back(decode_file(file));
    const auto [listed, added] = files.try_emplace(manifest.files.back().name, manifest.files.back());
    if (!added) throw_user("the file '{}' is listed twice", listed->first);
  }
  const JsonPlace tensors = place["tensors"];
  if (!tensors.value().is_object()) tensors.fail("an object");
  for (const auto& [name, tensor] : tensors.value().items()) {
    try {
      manifest.tensors[name] = decode_tensor(JsonPlace(tensor, ""), files);
    } catch (const Error& error) {
      throw_user("tensor '{}': {}", name, error.what());
    }
  }
  return manifest;
}

}  // namespace

Manifest parse_manifest(std::string_view text, const std::string& origin) {
  try {
    const nlohmann::json document = parse_json(text, "");
    Manifest manifest = decode(JsonPlace(document, ""));
    // Parsed once more to keep the order of the keys, which a person may have chosen with care.
    const nlohmann::ordered_json ordered = parse_ordered_json(text, "");
    if (!ordered.contains("state")) throw_user("\"state\" is missing");
    manifest.state = ordered["state"].dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return manifest;
  } catch (const Error& error) {
    throw Error(error.kind(), origin + ": " + error.what());
  }
}

}  // namespace kumiko
