// A JSON object of settings, read by name, with all complaints gathered.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace kumiko {

// Each getter gives a setting, or its default where it is absent or null; one of another type than expected is a
// complaint, and the default is given.
class HfSettings {
 public:
  // User error if `text` is not a JSON object.
  HfSettings(const std::string& text, std::string origin);

  bool given(const std::string& key);  // perhaps as null
  bool has(const std::string& key);    // and it is not null
  int64_t integer(const std::string& key, int64_t default_value);
  // One that must be there; a complaint, and 1, if it is not.
  int64_t size(const std::string& key);
  double number(const std::string& key, double default_value);
  bool flag(const std::string& key, bool default_value);
  std::string text(const std::string& key, const std::string& default_value);
  const nlohmann::json& json(const std::string& key);  // null if it is absent

  // "key = value: why"
  void complain(const std::string& key, const std::string& why);
  // A complaint unless the setting, or its default, is what it must be.
  void require(const std::string& key, bool default_value, bool expected, const std::string& why);
  // These say nothing about what the layers compute.
  void pass_over(const std::vector<std::string>& keys) { read_.insert(keys.begin(), keys.end()); }

  // User error that lists all complaints, if there are any; a warning that names the settings never asked for.
  void finish() const;

 private:
  template <class Accepts, class Value>
  Value get(const std::string& key, const char* expected, Accepts accepts, Value default_value);

  nlohmann::json json_;
  std::string origin_;
  std::set<std::string> read_;
  std::vector<std::string> complaints_;
};

}  // namespace kumiko
