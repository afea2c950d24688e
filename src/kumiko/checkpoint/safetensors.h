// The safetensors format: named tensors in one file, a JSON header in front of the data. Checkpoints and the exchange
// of models with other programs are built from it.
//
// Layout: u64 N (little-endian), N bytes of JSON, the data. The JSON maps each name to its dtype, shape and the byte
// range [begin, end) of its row-major elements, counted from the start of the data.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/file.h"
#include "kumiko/checkpoint/checksum.h"
#include "kumiko/tensor/dtype.h"
#include "kumiko/tensor/shape.h"

namespace kumiko {

struct SafetensorsEntry {
  std::string name;
  std::string dtype_name;      // as the file spells it: "F32", "BF16", "BOOL", ...
  std::optional<DType> dtype;  // none: a legal element type that no Tensor can hold
  Shape shape;
  size_t begin = 0;  // byte range from the start of the data
  size_t end = 0;
};

// How the format spells an element type.
std::string_view safetensors_name(DType dtype);

// A file opened for reading, mapped into memory; only what is touched is read. Opening checks everything that the
// format promises: the header lies in the file, is UTF-8 and JSON without duplicate names, each range has the size of
// its shape and element type, and the ranges cover the data exactly, without hole or overlap. What does not hold is a
// user error with the path and the reason.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  // In the order of the data.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  // nullptr if there is no such tensor.
  const SafetensorsEntry* find(std::string_view name) const;
  std::span<const std::byte> bytes(const SafetensorsEntry& entry) const;
  // Gives back the memory that reading `part` of the bytes has taken; they may be read again.
  void release(std::span<const std::byte> part) const { file_.release(part); }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::filesystem::path path_;
  MappedFile file_;
  size_t data_begin_ = 0;
  std::vector<SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

struct SafetensorsSpec {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
};

// Writes a file front to back, holding no tensor in memory: the header comes from the list of what will follow. The
// data stand in the order of the list; with larger element types first every tensor is aligned. The file gets
// `__metadata__ {"format": "pt"}`, without which some loaders refuse it.
class SafetensorsWriter {
 public:
  // Writes the header. Internal error on a duplicate or reserved name.
  SafetensorsWriter(std::filesystem::path path, std::vector<SafetensorsSpec> tensors);

  // The elements of the tensor `name`, in one call or several; the tensors come in the order of the list.
  void write(std::string_view name, const void* data, size_t size);

  // On the disk when it returns. Internal error if a tensor of the list is missing.
  void finish();

  size_t header_size() const { return header_size_; }  // up to the first byte of data
  uint64_t header_checksum() const { return header_checksum_; }
  size_t size() const { return file_.size(); }
  uint64_t checksum() const { return checksum_.value(); }  // of all bytes so far

 private:
  void skip_complete();

  OutputFile file_;
  std::vector<SafetensorsSpec> tensors_;
  size_t next_ = 0;       // the tensor being written
  size_t remaining_ = 0;  // its bytes still to come
  size_t header_size_ = 0;
  uint64_t header_checksum_ = 0;
  Checksum checksum_;
};

}  // namespace kumiko
