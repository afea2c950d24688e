// GGUF version 3, the format of llama.cpp: settings and named tensors in one file.
//
// Layout: "GGUF", u32 version, u64 number of tensors, u64 number of settings; the settings; for each tensor its name,
// dims (innermost first), element type and offset; zeros to a multiple of 32; the data, each tensor filled up with
// zeros to a multiple of 32. All integers little-endian.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/base/file.h"
#include "kumiko/tensor/shape.h"

namespace kumiko {

// The numbers are the format's.
enum class GgufType : uint32_t { f32 = 0, f16 = 1, q8_0 = 8, bf16 = 30 };

// Q8_0: blocks of 32 elements of a row, each an f16 scale and 32 signed bytes.
inline constexpr int64_t q8_0_block = 32;

size_t gguf_bytes(GgufType type, int64_t num_elements);

// f32 elements as `type` stores them; of Q8_0, whole blocks. Q8_0 takes for each block d = max |x| / 127, rounded to
// f16, and x / d to nearest, halves away from zero. User error, naming the tensor, for a value beyond the type's range
// and, of Q8_0, for one that is not finite.
void gguf_convert(std::span<const float> source, GgufType type, std::byte* destination, std::string_view name);

// Settings in the order in which they were added.
class GgufSettings {
 public:
  void add(std::string_view key, uint32_t value);
  void add(std::string_view key, float value);
  void add(std::string_view key, bool value);
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  void add(std::string_view key, std::span<const std::string> values);
  void add(std::string_view key, std::span<const int32_t> values);
  void add(std::string_view key, std::span<const float> values);

  uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(std::string_view key, uint32_t type);

  std::string bytes_;
  uint64_t count_ = 0;
};

struct GgufTensor {
  std::string name;
  Shape shape;  // row-major
  GgufType type = GgufType::f32;
};

// Writes a file front to back, holding no tensor in memory.
class GgufWriter {
 public:
  // Writes all that stands before the data. Internal error if a name has 64 bytes or more, or is there twice.
  GgufWriter(const std::filesystem::path& path, const GgufSettings& settings, std::vector<GgufTensor> tensors);

  // The bytes of the tensor `name`, in one call or several; the tensors come in the order of the list.
  void write(std::string_view name, const void* data, size_t size);
  // The file appears under its name, on the disk. Internal error if a tensor is missing.
  void finish();

  size_t size() const { return file_.size(); }

 private:
  void pad();

  AtomicFile file_;
  std::vector<GgufTensor> tensors_;
  size_t next_ = 0;
  size_t remaining_ = 0;
};

}  // namespace kumiko
