// What a checkpoint holds, as data: which tensors, cut into which boxes, each where on the disk and with which
// checksum.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kumiko/mesh/box.h"
#include "kumiko/tensor/dtype.h"

namespace kumiko {

constexpr const char* manifest_format = "kumiko checkpoint";
constexpr int64_t manifest_format_version = 1;

// A parameter of the model, or what the optimizer keeps about one.
enum class TensorRole : uint8_t { parameter, optimizer };
std::string_view name_of(TensorRole role);

// One box of a tensor, row-major and contiguous, in one data file.
struct ChunkRecord {
  Box box;
  std::string file;
  size_t begin = 0;  // byte range in the file
  size_t end = 0;
  uint64_t checksum = 0;
};

struct TensorRecord {
  Shape shape;
  DType dtype = DType::f32;
  TensorRole role = TensorRole::parameter;
  std::vector<ChunkRecord> chunks;

  size_t num_bytes() const { return static_cast<size_t>(shape.num_elements()) * size_of(dtype); }
};

struct FileRecord {
  std::string name;
  size_t size = 0;
  uint64_t checksum = 0;  // of the whole file
  size_t header_size = 0;
  uint64_t header_checksum = 0;  // of the bytes before the data
};

struct Manifest {
  std::string kumiko_version;
  int64_t step = 0;
  std::string state = "{}";  // JSON of the training loop: position in the data, seeds, loss scale, configuration
  std::vector<FileRecord> files;
  std::map<std::string, TensorRecord> tensors;
};

// The version of this program, as it writes it into manifests.
std::string kumiko_version();

// JSON with one line for each file and each tensor. Internal error if `state` is not JSON.
std::string to_json(const Manifest& manifest);

// The inverse. Checks that every number is a size, every file a name beside the manifest, every header in its file,
// every box in its tensor, and every byte range in its file and of the size of its box; user error, introduced by
// `origin`, where that does not hold or the format is of another version.
Manifest parse_manifest(std::string_view text, const std::string& origin);

// Adds the files and tensors that another rank wrote.
void merge(Manifest& manifest, Manifest part);

// Nothing if each tensor is whole, no element is there twice, and each file is accounted for to the last byte.
std::optional<std::string> defect_of(const Manifest& manifest);
// Internal error if there is a defect: for what this program has written.
void check_complete(const Manifest& manifest);

}  // namespace kumiko
