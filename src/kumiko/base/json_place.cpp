#include "kumiko/base/json_place.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"

namespace kumiko {

using nlohmann::json;

static std::string excerpt(const json& value) {
  constexpr size_t longest = 60;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() <= longest) return text;
  size_t end = longest;  // between two characters
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + "...";
}

static std::string join(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

bool JsonPlace::has(std::string_view key) const {
  if (!value_->is_object()) fail("an object");
  const auto member = value_->find(key);
  return member != value_->end() && !member->is_null();
}

JsonPlace JsonPlace::operator[](std::string_view key) const {
  if (!value_->is_object()) fail("an object");
  const auto member = value_->find(key);
  if (member == value_->end()) throw_user("\"{}\" is missing", join(path_, key));
  return {*member, join(path_, key)};
}

std::vector<JsonPlace> JsonPlace::elements() const {
  if (!value_->is_array()) fail("a list");
  std::vector<JsonPlace> result;
  for (const json& element : *value_) result.emplace_back(element, fmt::format("{}[{}]", path_, result.size()));
  return result;
}

std::string JsonPlace::string() const {
  if (!value_->is_string()) fail("a string");
  return value_->get<std::string>();
}

bool JsonPlace::boolean() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

int64_t JsonPlace::integer() const {
  constexpr auto most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!value_->is_number_integer()) fail("a whole number");
  if (value_->is_number_unsigned() && value_->get<uint64_t>() > most) fail("a whole number below 2^63");
  return value_->get<int64_t>();
}

int64_t JsonPlace::size() const {
  if (!value_->is_number_integer() || integer() < 0) fail("a whole number, 0 or more");
  return integer();
}

double JsonPlace::number() const {
  if (!value_->is_number() || !std::isfinite(value_->get<double>())) fail("a finite number");
  return value_->get<double>();
}

void JsonPlace::fail(std::string_view expected) const {
  throw_user("{} is {}: expected {}", path_.empty() ? "the whole" : path_, excerpt(*value_), expected);
}

}  // namespace kumiko
