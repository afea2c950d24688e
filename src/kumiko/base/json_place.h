// A value in a JSON file together with where it stands, so that every complaint names the place.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

// Refers to the parsed document, which must outlive it. Every mismatch is a user error such as
// "added_tokens[3].id is \"x\": expected a whole number".
class JsonPlace {
 public:
  JsonPlace(const nlohmann::json& value, std::string path) : value_(&value), path_(std::move(path)) {}

  const nlohmann::json& value() const { return *value_; }
  const std::string& path() const { return path_; }

  // Present and not null.
  bool has(std::string_view key) const;
  // The member of an object; user error if it is missing.
  JsonPlace operator[](std::string_view key) const;
  std::vector<JsonPlace> elements() const;

  std::string string() const;
  bool boolean() const;
  // A whole number that an int64_t holds; 2.0 is none.
  int64_t integer() const;
  // A whole number from 0 to 2^63 - 1: of bytes, elements, steps.
  int64_t size() const;
  // Finite.
  double number() const;
  // The member if it is present and not null, else the fallback.
  bool boolean(std::string_view key, bool fallback) const { return has(key) ? (*this)[key].boolean() : fallback; }
  std::string string(std::string_view key, std::string fallback) const {
    return has(key) ? (*this)[key].string() : std::move(fallback);
  }

  [[noreturn]] void fail(std::string_view expected) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
};

}  // namespace kumiko
