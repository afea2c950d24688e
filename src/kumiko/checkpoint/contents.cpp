#include "kumiko/checkpoint/contents.h"

#include <algorithm>
#include <set>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

std::string list(const std::string& title, const std::vector<std::string>& lines, size_t max_listed) {
  if (lines.empty()) return "";
  std::string text = fmt::format("\n  {} {}:", lines.size(), title);
  for (size_t i = 0; i < std::min(lines.size(), max_listed); ++i) text += "\n    " + lines[i];
  if (lines.size() > max_listed) text += fmt::format("\n    ... and {} more", lines.size() - max_listed);
  return text;
}

std::string describe(const Shape& shape, DType dtype) { return shape.to_string() + " " + std::string(name_of(dtype)); }

}  // namespace

void check_contents(const Manifest& manifest, std::span<const ExpectedTensor> expected, const std::string& origin,
                    size_t max_listed) {
  std::vector<std::string> missing;
  std::vector<std::string> different;
  std::set<std::string_view> known;
  for (const ExpectedTensor& tensor : expected) {
    known.insert(tensor.name);
    const auto stored = manifest.tensors.find(tensor.name);
    if (stored == manifest.tensors.end()) {
      missing.push_back(tensor.name + ": expected " + describe(tensor.shape, tensor.dtype));
    } else if (stored->second.shape != tensor.shape || stored->second.dtype != tensor.dtype) {
      different.push_back(tensor.name + ": expected " + describe(tensor.shape, tensor.dtype) + ", found " +
                          describe(stored->second.shape, stored->second.dtype));
    }
  }
  if (missing.empty() && different.empty()) return;
  std::vector<std::string> extra;
  for (const auto& [name, tensor] : manifest.tensors) {
    if (!known.contains(name) && !missing.empty()) extra.push_back(name + ": " + describe(tensor.shape, tensor.dtype));
  }
  throw_user(
      "{} is a checkpoint of another model; set the model's configuration to what it holds (kumiko inspect {}), or "
      "load another one{}{}{}",
      origin, origin, list("of different shape or type", different, max_listed), list("missing", missing, max_listed),
      list("stored but not expected", extra, max_listed));
}

}  // namespace kumiko
