#include "kumiko/tokenizer/tokenizer_json_place.h"

#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"
#include "kumiko/base/json_depth.h"
#include "kumiko/tokenizer/tokenizer_utf8.h"

namespace kumiko {

using nlohmann::json;

static std::string excerpt(const json& value) {
  constexpr size_t longest = 60;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() <= longest) return text;
  text.resize(longest);
  text.resize(well_formed_utf8_prefix(text));
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
  if (!value_->is_number_integer()) fail("a whole number");
  return value_->get<int64_t>();
}

void JsonPlace::fail(std::string_view expected) const {
  throw_user("{} is {}: expected {}", path_.empty() ? "the whole" : path_, excerpt(*value_), expected);
}

json parse_json(std::string_view text) {
  check_json_depth(text);
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    throw_user(
        "not valid JSON at byte {} of {}: the file is damaged, cut off, or of another kind; fetch or make it again",
        error.byte, text.size());
  }
}

}  // namespace kumiko
