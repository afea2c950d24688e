// A model folder of the Hugging Face family: config.json, and the weights in one safetensors file or in several with
// an index.
#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kumiko/checkpoint/safetensors.h"
#include "kumiko/convert/names.h"

namespace kumiko {

struct HfTensor {
  const SafetensorsFile* file = nullptr;
  const SafetensorsEntry* entry = nullptr;
};

class HfFolder {
 public:
  // Opens every file of weights. User error if there are none, or files and index do not agree; it lists all that is
  // missing.
  explicit HfFolder(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config_path() const { return path_ / "config.json"; }

  // The folder's tensor for each of `expected`, whether the names in the files bear the prefix of a model with its head
  // or not. One user error lists every tensor that is missing, not expected, of another shape, of an element type that
  // cannot be taken over, or there twice; buffers are left out, and so is a head that is bit for bit the embedding it
  // is tied to.
  std::vector<HfTensor> match(Architecture architecture, std::span<const ForeignTensor> expected) const;

 private:
  void open_file(const std::string& name);
  void open_indexed();

  std::filesystem::path path_;
  std::deque<SafetensorsFile> files_;        // addresses are stable
  std::map<std::string, HfTensor> tensors_;  // by the name in the file
};

}  // namespace kumiko
