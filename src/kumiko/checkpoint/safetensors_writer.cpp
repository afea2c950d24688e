#include <nlohmann/json.hpp>
#include <set>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/safetensors.h"

namespace kumiko {
namespace {

size_t num_bytes(const SafetensorsSpec& tensor) {
  return static_cast<size_t>(tensor.shape.num_elements()) * size_of(tensor.dtype);
}

// Header length and header, padded with spaces so that the data begin at a multiple of 8.
std::string encode_header(const std::vector<SafetensorsSpec>& tensors) {
  using nlohmann::json;
  std::string text = R"({"__metadata__":{"format":"pt"})";
  std::set<std::string_view> names = {"__metadata__"};
  size_t begin = 0;
  for (const SafetensorsSpec& tensor : tensors) {
    if (!names.insert(tensor.name).second) throw_internal("'{}' cannot be written twice to one file", tensor.name);
    const size_t end = begin + num_bytes(tensor);
    text += fmt::format(R"(,{}:{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", json(tensor.name).dump(),
                        safetensors_name(tensor.dtype), json(tensor.shape.sizes()).dump(), begin, end);
    begin = end;
  }
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t size = text.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path, std::vector<SafetensorsSpec> tensors)
    : file_(std::move(path)), tensors_(std::move(tensors)) {
  const std::string header = encode_header(tensors_);
  header_size_ = header.size();
  header_checksum_ = checksum_of(header);
  file_.write(header);
  checksum_.update(header.data(), header.size());
  if (!tensors_.empty()) remaining_ = num_bytes(tensors_.front());
  skip_complete();
}

// Tensors without elements are complete without a write.
void SafetensorsWriter::skip_complete() {
  while (next_ < tensors_.size() && remaining_ == 0) {
    if (++next_ < tensors_.size()) remaining_ = num_bytes(tensors_[next_]);
  }
}

void SafetensorsWriter::write(std::string_view name, const void* data, size_t size) {
  if (size == 0) return;
  if (next_ == tensors_.size() || tensors_[next_].name != name || size > remaining_) {
    throw_internal("{} bytes of '{}' do not belong at this place of {}: expected {} bytes of '{}'", size, name,
                   file_.path().string(), remaining_, next_ == tensors_.size() ? "" : tensors_[next_].name);
  }
  file_.write(data, size);
  checksum_.update(data, size);
  remaining_ -= size;
  skip_complete();
}

void SafetensorsWriter::finish() {
  if (next_ != tensors_.size()) {
    throw_internal("{} is finished without its tensor '{}'", file_.path().string(), tensors_[next_].name);
  }
  file_.finish();
}

}  // namespace kumiko
