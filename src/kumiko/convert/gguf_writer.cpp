#include "kumiko/convert/gguf_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "kumiko/base/error.h"
#include "kumiko/convert/elements.h"
#include "kumiko/tensor/half.h"

namespace kumiko {
namespace {

constexpr size_t alignment = 32;
constexpr size_t max_name = 63;

// The format's numbers of value types.
enum ValueType : uint32_t {
  u32_value = 4,
  i32_value = 5,
  f32_value = 6,
  bool_value = 7,
  string_value = 8,
  array_value = 9
};

template <class Number>
void append_number(std::string& bytes, Number value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void append_string(std::string& bytes, std::string_view text) {
  append_number(bytes, static_cast<uint64_t>(text.size()));
  bytes += text;
}

size_t padding(size_t size) { return (alignment - size % alignment) % alignment; }

void quantize(std::span<const float> block, std::byte* destination, std::string_view name) {
  float largest = 0;
  bool finite = true;
  for (const float value : block) {
    largest = std::max(largest, std::abs(value));
    finite = finite && std::isfinite(value);
  }
  const float scale = largest / 127;
  const Float16 stored(scale);
  if (!finite || std::isinf(static_cast<float>(stored))) {
    throw_user("the tensor {} has values that Q8_0 cannot hold (NaN, Inf or beyond 8e6); export as BF16 or F32", name);
  }
  const float inverse = scale == 0 ? 0 : 1 / scale;
  std::memcpy(destination, &stored.bits, sizeof(stored.bits));
  for (size_t i = 0; i < block.size(); ++i) {
    const auto quantum = static_cast<int8_t>(std::round(block[i] * inverse));
    std::memcpy(destination + sizeof(stored.bits) + i, &quantum, 1);
  }
}

}  // namespace

size_t gguf_bytes(GgufType type, int64_t num_elements) {
  const auto count = static_cast<size_t>(num_elements);
  switch (type) {
    case GgufType::f32:
      return count * 4;
    case GgufType::f16:
    case GgufType::bf16:
      return count * 2;
    case GgufType::q8_0:
      return count / q8_0_block * (q8_0_block + 2);
  }
  throw_internal("no such element type");
}

void gguf_convert(std::span<const float> source, GgufType type, std::byte* destination, std::string_view name) {
  if (type != GgufType::q8_0) {
    const DType dtype = type == GgufType::f32 ? DType::f32 : type == GgufType::f16 ? DType::f16 : DType::bf16;
    return narrow(source, dtype, destination, name);
  }
  for (size_t begin = 0; begin < source.size(); begin += q8_0_block) {
    quantize(source.subspan(begin, q8_0_block), destination, name);
    destination += q8_0_block + 2;
  }
}

void GgufSettings::begin(std::string_view key, uint32_t type) {
  append_string(bytes_, key);
  append_number(bytes_, type);
  ++count_;
}

void GgufSettings::add(std::string_view key, uint32_t value) {
  begin(key, u32_value);
  append_number(bytes_, value);
}

void GgufSettings::add(std::string_view key, float value) {
  begin(key, f32_value);
  append_number(bytes_, value);
}

void GgufSettings::add(std::string_view key, bool value) {
  begin(key, bool_value);
  append_number(bytes_, static_cast<uint8_t>(value));
}

void GgufSettings::add(std::string_view key, std::string_view value) {
  begin(key, string_value);
  append_string(bytes_, value);
}

void GgufSettings::add(std::string_view key, std::span<const std::string> values) {
  begin(key, array_value);
  append_number(bytes_, uint32_t{string_value});
  append_number(bytes_, static_cast<uint64_t>(values.size()));
  for (const std::string& value : values) append_string(bytes_, value);
}

void GgufSettings::add(std::string_view key, std::span<const int32_t> values) {
  begin(key, array_value);
  append_number(bytes_, uint32_t{i32_value});
  append_number(bytes_, static_cast<uint64_t>(values.size()));
  for (const int32_t value : values) append_number(bytes_, value);
}

void GgufSettings::add(std::string_view key, std::span<const float> values) {
  begin(key, array_value);
  append_number(bytes_, uint32_t{f32_value});
  append_number(bytes_, static_cast<uint64_t>(values.size()));
  for (const float value : values) append_number(bytes_, value);
}

GgufWriter::GgufWriter(const std::filesystem::path& path, const GgufSettings& settings, std::vector<GgufTensor> tensors)
    : file_(path), tensors_(std::move(tensors)) {
  constexpr uint32_t version = 3;
  std::string header = "GGUF";
  append_number(header, version);
  append_number(header, static_cast<uint64_t>(tensors_.size()));
  append_number(header, settings.count());
  header += settings.bytes();
  std::set<std::string_view> names;
  uint64_t offset = 0;
  for (const GgufTensor& tensor : tensors_) {
    if (tensor.name.size() > max_name || !names.insert(tensor.name).second) {
      throw_internal("the name '{}' of a tensor is too long or there twice", tensor.name);
    }
    append_string(header, tensor.name);
    append_number(header, static_cast<uint32_t>(tensor.shape.rank()));
    for (int dim = tensor.shape.rank() - 1; dim >= 0; --dim) {
      append_number(header, static_cast<uint64_t>(tensor.shape[dim]));
    }
    append_number(header, static_cast<uint32_t>(tensor.type));
    append_number(header, offset);
    const size_t bytes = gguf_bytes(tensor.type, tensor.shape.num_elements());
    offset += bytes + padding(bytes);
  }
  file_.write(header);
  pad();
  if (!tensors_.empty()) remaining_ = gguf_bytes(tensors_[0].type, tensors_[0].shape.num_elements());
}

void GgufWriter::pad() {
  constexpr char zeros[alignment] = {};
  file_.write(zeros, padding(file_.size()));
}

void GgufWriter::write(std::string_view name, const void* data, size_t size) {
  if (next_ == tensors_.size() || tensors_[next_].name != name || size > remaining_) {
    throw_internal("{} bytes of '{}' do not belong at this place of a GGUF file", size, name);
  }
  file_.write(data, size);
  remaining_ -= size;
  if (remaining_ > 0) return;
  pad();
  if (++next_ == tensors_.size()) return;
  remaining_ = gguf_bytes(tensors_[next_].type, tensors_[next_].shape.num_elements());
}

void GgufWriter::finish() {
  if (next_ != tensors_.size()) throw_internal("a GGUF file is finished without '{}'", tensors_[next_].name);
  file_.commit();
}

}  // namespace kumiko
