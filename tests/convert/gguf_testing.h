// A reader of GGUF for tests, written from the format's description and not from our writer.
#pragma once

#include <fmt/core.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kumiko/base/file.h"

namespace kumiko::test {

inline std::string fnv_1a(std::string_view bytes) {
  uint64_t value = 0xcbf29ce484222325ULL;
  for (const char byte : bytes) value = (value ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  return fmt::format("{:016x}", value);
}

class GgufFile {
 public:
  struct Stored {
    std::vector<uint64_t> dims;
    uint32_t type = 0;
    std::string bytes;

    std::string type_name() const {
      return type == 0 ? "F32" : type == 1 ? "F16" : type == 8 ? "Q8_0" : type == 30 ? "BF16" : "?";
    }
  };

  explicit GgufFile(const std::filesystem::path& path) : text_(read_text_file(path)) {
    if (text_.substr(0, 4) != "GGUF" || (at_ = 4, number<uint32_t>()) != 3) throw std::runtime_error("not GGUF 3");
    const auto num_tensors = number<uint64_t>();
    const auto num_settings = number<uint64_t>();
    for (uint64_t i = 0; i < num_settings; ++i) {
      const std::string key = string();
      settings[key] = value(number<uint32_t>());
    }
    std::vector<std::pair<std::string, uint64_t>> offsets;
    for (uint64_t i = 0; i < num_tensors; ++i) {
      const std::string name = string();
      Stored& tensor = tensors[name];
      tensor.dims.resize(number<uint32_t>());
      for (uint64_t& dim : tensor.dims) dim = number<uint64_t>();
      tensor.type = number<uint32_t>();
      offsets.emplace_back(name, number<uint64_t>());
    }
    const size_t data = (at_ + 31) / 32 * 32;
    for (const auto& [name, offset] : offsets) {
      Stored& tensor = tensors[name];
      size_t count = 1;
      for (const uint64_t dim : tensor.dims) count *= dim;
      const size_t size = tensor.type == 0 ? 4 * count : tensor.type == 8 ? count / 32 * 34 : 2 * count;
      if (offset % 32 != 0 || data + offset + size > text_.size()) throw std::runtime_error(name + " lies wrong");
      tensor.bytes = text_.substr(data + offset, size);
    }
    if (text_.size() % 32 != 0) throw std::runtime_error("the end is not filled up");
  }

  nlohmann::json settings;
  std::map<std::string, Stored> tensors;

 private:
  template <class Number>
  Number number() {
    Number value{};
    if (at_ + sizeof(value) > text_.size()) throw std::runtime_error("cut off");
    std::memcpy(&value, text_.data() + at_, sizeof(value));
    at_ += sizeof(value);
    return value;
  }

  std::string string() {
    const auto size = number<uint64_t>();
    const std::string value = text_.substr(at_, size);
    at_ += size;
    return value;
  }

  nlohmann::json value(uint32_t type) {
    switch (type) {
      case 4:
        return number<uint32_t>();
      case 5:
        return number<int32_t>();
      case 6:
        return number<float>();
      case 7:
        return number<uint8_t>() != 0;
      case 8:
        return string();
      case 9: {
        const auto element = number<uint32_t>();
        const auto count = number<uint64_t>();
        nlohmann::json list = nlohmann::json::array();
        for (uint64_t i = 0; i < count; ++i) list.push_back(value(element));
        return list;
      }
      default:
        throw std::runtime_error("an unknown type of value");
    }
  }

  std::string text_;
  size_t at_ = 0;
};

}  // namespace kumiko::test
