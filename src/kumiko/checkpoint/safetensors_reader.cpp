#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "kumiko/base/error.h"
#include "kumiko/checkpoint/safetensors.h"

namespace kumiko {
namespace {

using nlohmann::json;

constexpr size_t max_header_size = 100'000'000;
constexpr const char* metadata_key = "__metadata__";

struct ElementType {
  std::string_view name;
  size_t size;
  std::optional<DType> dtype;
};

constexpr std::array<ElementType, 19> element_types = {{{"F64", 8, DType::f64},
                                                        {"F32", 4, DType::f32},
                                                        {"BF16", 2, DType::bf16},
                                                        {"F16", 2, DType::f16},
                                                        {"I64", 8, DType::i64},
                                                        {"I32", 4, DType::i32},
                                                        {"U16", 2, DType::u16},
                                                        {"U8", 1, DType::u8},
                                                        {"BOOL", 1, {}},
                                                        {"I8", 1, {}},
                                                        {"F8_E5M2", 1, {}},
                                                        {"F8_E4M3", 1, {}},
                                                        {"F8_E8M0", 1, {}},
                                                        {"F8_E4M3FNUZ", 1, {}},
                                                        {"F8_E5M2FNUZ", 1, {}},
                                                        {"I16", 2, {}},
                                                        {"U32", 4, {}},
                                                        {"U64", 8, {}},
                                                        {"C64", 8, {}}}};

// A reason for which the file is refused; the constructor adds the path.
struct Refusal {
  std::string reason;
};

template <class... Args>
[[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) {
  throw Refusal{fmt::format(format, std::forward<Args>(args)...)};
}

bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    const auto second = static_cast<unsigned char>(length > 1 ? text[i + 1] : 0);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second > 0x9F;
    const bool beyond = lead == 0xF4 && second > 0x8F;
    if (overlong || surrogate || beyond) return false;
    i += length;
  }
  return true;
}

// Duplicate keys would silently win over one another, and deep nesting would only cost memory: both are refused.
json parse_header(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&keys](int depth, json::parse_event_t event, json& parsed) {
    if (depth > 3) refuse("the header is nested too deeply");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      refuse("the name '{}' stands twice in the header", parsed.get<std::string>());
    }
    return true;
  };
  json header;
  try {
    header = json::parse(text, watch);
  } catch (const json::exception& error) {
    refuse("the header is not JSON: {}", error.what());
  }
  if (!header.is_object()) refuse("the header is not a JSON object");
  return header;
}

Shape parse_shape(const std::string& name, const json& entry) {
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array()) refuse("tensor '{}' has no shape", name);
  std::vector<int64_t> sizes;
  for (const json& size : *shape) {
    if (!size.is_number_unsigned()) refuse("tensor '{}' has the shape {}", name, shape->dump());
    if (size.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      refuse("the size of tensor '{}' overflows: shape {}", name, shape->dump());
    }
    sizes.push_back(size.get<int64_t>());
  }
  if (sizes.size() > Shape::max_rank) {
    refuse("tensor '{}' has {} dims; at most {} are supported", name, sizes.size(), Shape::max_rank);
  }
  return Shape(sizes);
}

SafetensorsEntry parse_entry(const std::string& name, const json& entry) {
  if (!entry.is_object()) refuse("the entry of tensor '{}' is not a JSON object", name);
  SafetensorsEntry result;
  result.name = name;
  result.shape = parse_shape(name, entry);

  const auto dtype = entry.find("dtype");
  if (dtype == entry.end() || !dtype->is_string()) refuse("tensor '{}' has no dtype", name);
  result.dtype_name = dtype->get<std::string>();

  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 || !(*offsets)[0].is_number_unsigned() ||
      !(*offsets)[1].is_number_unsigned()) {
    refuse("tensor '{}' has no data_offsets [begin, end]", name);
  }
  result.begin = (*offsets)[0].get<size_t>();
  result.end = (*offsets)[1].get<size_t>();
  return result;
}

void check_ranges(const std::vector<SafetensorsEntry>& entries) {
  size_t covered = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.begin != covered || entry.end < entry.begin) {
      refuse(
          "tensor '{}' has the byte range [{}, {}], but the data before it end at {}: ranges must follow each other "
          "without hole or overlap",
          entry.name, entry.begin, entry.end, covered);
    }
    covered = entry.end;
  }
}

void check_size(SafetensorsEntry& entry) {
  const auto type = std::find_if(element_types.begin(), element_types.end(),
                                 [&](const ElementType& known) { return known.name == entry.dtype_name; });
  if (type == element_types.end()) refuse("tensor '{}' has the unknown dtype '{}'", entry.name, entry.dtype_name);
  entry.dtype = type->dtype;
  uint64_t size = type->size;
  for (const int64_t extent : entry.shape.sizes()) {
    // Below 2^63, so that every size that depends on it fits an int64.
    if (__builtin_mul_overflow(size, static_cast<uint64_t>(extent), &size) || size >> 63 != 0) {
      refuse("the size of tensor '{}' overflows: shape {}", entry.name, entry.shape.to_string());
    }
  }
  if (entry.end - entry.begin != size) {
    refuse("tensor '{}' has {} bytes of data, but shape {} of {} needs {}", entry.name, entry.end - entry.begin,
           entry.shape.to_string(), entry.dtype_name, size);
  }
}

std::map<std::string, std::string> parse_metadata(const json& metadata) {
  if (!metadata.is_object()) refuse("{} is not a JSON object", metadata_key);
  std::map<std::string, std::string> result;
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) refuse("{} maps '{}' to {}, not to a string", metadata_key, key, value.dump());
    result[key] = value.get<std::string>();
  }
  return result;
}

// Where the data begin.
size_t check_frame(std::span<const std::byte> file) {
  if (file.size() < sizeof(uint64_t)) refuse("it has {} bytes, too few for the header length", file.size());
  uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof(header_size));
  if (header_size > max_header_size) {
    refuse("its header would have {} bytes; at most {} are allowed", header_size, max_header_size);
  }
  if (sizeof(uint64_t) + header_size > file.size()) {
    refuse("its header of {} bytes ends beyond the file of {} bytes", header_size, file.size());
  }
  return sizeof(uint64_t) + header_size;
}

}  // namespace

std::string_view safetensors_name(DType dtype) {
  for (const ElementType& type : element_types) {
    if (type.dtype == dtype) return type.name;
  }
  throw_internal("safetensors has no name for {}", name_of(dtype));
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), file_(path) {
  try {
    const std::span<const std::byte> file = file_.bytes();
    data_begin_ = check_frame(file);
    const std::string_view text(reinterpret_cast<const char*>(file.data()) + sizeof(uint64_t),
                                data_begin_ - sizeof(uint64_t));
    if (!is_utf8(text)) refuse("the header is not UTF-8");
    const json header = parse_header(text);
    for (const auto& [name, entry] : header.items()) {
      if (name == metadata_key) {
        metadata_ = parse_metadata(entry);
      } else {
        entries_.push_back(parse_entry(name, entry));
      }
    }
    std::sort(entries_.begin(), entries_.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
      return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
    });
    check_ranges(entries_);
    for (SafetensorsEntry& entry : entries_) check_size(entry);
    const size_t data_size = entries_.empty() ? 0 : entries_.back().end;
    if (file.size() - data_begin_ != data_size) {
      refuse("the data should end at byte {}, but the file has {} bytes", data_begin_ + data_size, file.size());
    }
  } catch (const Refusal& refusal) {
    throw_user("{} is not a valid safetensors file: {}", path.string(), refusal.reason);
  }
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  for (const SafetensorsEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

std::span<const std::byte> SafetensorsFile::bytes(const SafetensorsEntry& entry) const {
  return file_.bytes().subspan(data_begin_ + entry.begin, entry.end - entry.begin);
}

}  // namespace kumiko
