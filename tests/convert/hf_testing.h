// What the tests of conversion share: the fixture folders, and folders made up from them.
#pragma once

#include <cstring>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "checkpoint/directories.h"
#include "kumiko/base/file.h"
#include "kumiko/checkpoint/reader.h"
#include "kumiko/checkpoint/safetensors.h"
#include "kumiko/convert/hf_export.h"

namespace kumiko::test {

namespace fs = std::filesystem;

inline fs::path hf_fixture(const std::string& name) { return fs::path(KUMIKO_FIXTURES) / "hf" / name; }

struct StoredTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes;
  friend bool operator==(const StoredTensor&, const StoredTensor&) = default;
};
using StoredTensors = std::map<std::string, StoredTensor>;

// Those of every model*.safetensors in the folder.
inline StoredTensors tensors_in(const fs::path& folder) {
  StoredTensors tensors;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("model") || !name.ends_with(".safetensors")) continue;
    const SafetensorsFile file(entry.path());
    for (const SafetensorsEntry& tensor : file.entries()) {
      const auto bytes = file.bytes(tensor);
      tensors[tensor.name] = {*tensor.dtype, tensor.shape, {bytes.begin(), bytes.end()}};
    }
  }
  return tensors;
}

// The latest checkpoint's.
inline StoredTensors tensors_of_checkpoint(const fs::path& root) {
  StoredTensors tensors;
  CheckpointReader reader = CheckpointReader::open(root);
  const auto pool = MemoryPool::create();
  for (const auto& [name, record] : reader.manifest().tensors) {
    const Tensor tensor = Tensor::empty(*pool, record.shape, record.dtype, MemoryPurpose::workspace);
    reader.load(name, Box::whole(record.shape), tensor);
    const auto* begin = static_cast<const std::byte*>(tensor.raw());
    tensors[name] = {record.dtype, record.shape, {begin, begin + tensor.num_bytes()}};
  }
  return tensors;
}

inline nlohmann::json read_json(const fs::path& path) { return nlohmann::json::parse(read_text_file(path)); }

// A fixture's folder with its configuration and tensors changed.
struct Changes {
  std::function<void(nlohmann::json&)> config = [](nlohmann::json&) {};
  std::function<void(StoredTensors&)> tensors = [](StoredTensors&) {};
};
inline fs::path changed_fixture(const fs::path& folder, const std::string& name, const Changes& changes) {
  fs::create_directories(folder);
  nlohmann::json config = read_json(hf_fixture(name) / "config.json");
  changes.config(config);
  write_text(folder / "config.json", config.dump());
  StoredTensors tensors = tensors_in(hf_fixture(name));
  changes.tensors(tensors);
  std::vector<SafetensorsSpec> specs;
  for (const auto& [key, tensor] : tensors) specs.push_back({key, tensor.dtype, tensor.shape});
  SafetensorsWriter file(folder / "model.safetensors", specs);
  for (const auto& [key, tensor] : tensors) file.write(key, tensor.bytes.data(), tensor.bytes.size());
  file.finish();
  return folder;
}

inline ConversionReport import_to(const fs::path& input, const fs::path& save) {
  HfImportOptions options;
  options.input = input;
  options.save = save;
  return import_hf(options);
}

inline ConversionReport export_to(const fs::path& load, const fs::path& output, DType dtype = DType::f32) {
  HfExportOptions options;
  options.load = load;
  options.output = output;
  options.dtype = dtype;
  return export_hf(options);
}

}  // namespace kumiko::test
