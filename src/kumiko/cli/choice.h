// Options whose values are names.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace kumiko {

// Takes one of the names and gives its value. Other than CLI11's own transformer it leaves the numbers behind the names
// out of help and messages, where those of small enumerations are control characters.
template <class Enum>
CLI::Validator choice(std::map<std::string, Enum> names) {
  return CLI::Validator(
      [names = std::move(names)](std::string& text) -> std::string {
        if (const auto found = names.find(text); found != names.end()) {
          text = CLI::detail::value_string(found->second);
          return "";
        }
        std::string known;
        for (const auto& [name, value] : names) known += (known.empty() ? "" : ", ") + name;
        return fmt::format("'{}': expected one of {}", text, known);
      },
      "");
}

}  // namespace kumiko
