#include "kumiko/convert/hf_settings.h"

#include <fmt/ranges.h>

#include "kumiko/base/error.h"
#include "kumiko/base/json_text.h"
#include "kumiko/base/log.h"

namespace kumiko {

using nlohmann::json;

HfSettings::HfSettings(const std::string& text, std::string origin)
    : json_(parse_json(text, origin)), origin_(std::move(origin)) {
  if (!json_.is_object()) throw_user("{} is not a JSON object", origin_);
}

const json& HfSettings::json(const std::string& key) {
  static const nlohmann::json null;
  read_.insert(key);
  const auto found = json_.find(key);
  return found == json_.end() ? null : *found;
}

bool HfSettings::given(const std::string& key) {
  read_.insert(key);
  return json_.contains(key);
}

bool HfSettings::has(const std::string& key) { return !json(key).is_null(); }

template <class Accepts, class Value>
Value HfSettings::get(const std::string& key, const char* expected, Accepts accepts, Value default_value) {
  const auto& value = json(key);
  if (value.is_null()) return default_value;
  if (accepts(value)) return value.template get<Value>();
  complain(key, fmt::format("expected {}", expected));
  return default_value;
}

int64_t HfSettings::integer(const std::string& key, int64_t default_value) {
  constexpr int64_t most = int64_t{1} << 31;
  const auto plausible = [](const auto& value) {
    return value.is_number_integer() && value.template get<int64_t>() < most && value.template get<int64_t>() > -most;
  };
  return get(key, "a whole number below 2^31", plausible, default_value);
}

int64_t HfSettings::size(const std::string& key) {
  if (!has(key)) {
    complaints_.push_back(key + " is missing");
    return 1;
  }
  const int64_t value = integer(key, 1);
  if (value < 1) complain(key, "expected 1 or more");
  return std::max<int64_t>(1, value);
}

double HfSettings::number(const std::string& key, double default_value) {
  return get(
      key, "a number", [](const auto& value) { return value.is_number(); }, default_value);
}

bool HfSettings::flag(const std::string& key, bool default_value) {
  return get(
      key, "true or false", [](const auto& value) { return value.is_boolean(); }, default_value);
}

std::string HfSettings::text(const std::string& key, const std::string& default_value) {
  return get(
      key, "a string", [](const auto& value) { return value.is_string(); }, default_value);
}

void HfSettings::complain(const std::string& key, const std::string& why) {
  complaints_.push_back(fmt::format("{} = {}: {}", key, json(key).dump(), why));
}

void HfSettings::require(const std::string& key, bool default_value, bool expected, const std::string& why) {
  if (flag(key, default_value) != expected) complain(key, why);
}

void HfSettings::finish() const {
  if (!complaints_.empty()) {
    throw_user("{} describes a model that cannot be taken over:\n  {}", origin_, fmt::join(complaints_, "\n  "));
  }
  std::vector<std::string> unknown;
  for (const auto& [key, value] : json_.items()) {
    if (!read_.contains(key) && !value.is_null()) unknown.push_back(fmt::format("{} = {}", key, value.dump()));
  }
  if (!unknown.empty()) {
    log::warning("{}: not known here, and left out: {}", origin_, fmt::join(unknown, ", "));
  }
}

}  // namespace kumiko
