#include "kumiko/tensor/dtype.h"

#include <array>
#include <string>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

struct Entry {
  std::string_view name;
  size_t size;
};

constexpr std::array<Entry, 8> entries = {
    {{"f64", 8}, {"f32", 4}, {"bf16", 2}, {"f16", 2}, {"i64", 8}, {"i32", 4}, {"u16", 2}, {"u8", 1}}};

}  // namespace

size_t size_of(DType dtype) { return entries[static_cast<size_t>(dtype)].size; }

std::string_view name_of(DType dtype) { return entries[static_cast<size_t>(dtype)].name; }

DType dtype_from_name(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].name == name) return static_cast<DType>(i);
    known += (i == 0 ? "" : ", ") + std::string(entries[i].name);
  }
  throw_user("unknown element type '{}': expected one of {}", name, known);
}

}  // namespace kumiko
