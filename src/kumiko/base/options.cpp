#include "kumiko/base/options.h"

#include <charconv>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/text.h"

namespace kumiko {
namespace {

template <class Number>
Number parse_number(std::string_view text, const char* expected) {
  const std::string_view trimmed = trim(text);
  Number value{};
  const auto [end, code] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  if (code != std::errc() || end != trimmed.data() + trimmed.size()) {
    throw_user("'{}' is not {}", text, expected);
  }
  return value;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : std::string(separator)) + word;
  return text;
}

}  // namespace

void OptionTable::add_option(std::string key, std::string help, std::function<void(std::string_view)> set,
                             std::function<std::string()> get) {
  std::string default_value = get();
  options_.push_back(
      {section_, std::move(key), std::move(help), std::move(default_value), std::move(set), std::move(get)});
}

void OptionTable::add(std::string key, bool& field, std::string help) {
  add_option(
      std::move(key), std::move(help),
      [&field](std::string_view text) {
        if (text != "true" && text != "false") throw_user("'{}' is not true or false", text);
        field = text == "true";
      },
      [&field] { return std::string(field ? "true" : "false"); });
}

void OptionTable::add(std::string key, int64_t& field, std::string help) {
  add_option(
      std::move(key), std::move(help),
      [&field](std::string_view text) { field = parse_number<int64_t>(text, "a whole number"); },
      [&field] { return std::to_string(field); });
}

void OptionTable::add(std::string key, double& field, std::string help) {
  add_option(
      std::move(key), std::move(help),
      [&field](std::string_view text) { field = parse_number<double>(text, "a number"); },
      [&field] { return fmt::format("{}", field); });
}

void OptionTable::add(std::string key, std::string& field, std::string help) {
  add_option(
      std::move(key), std::move(help), [&field](std::string_view text) { field = text; }, [&field] { return field; });
}

void OptionTable::add(std::string key, std::vector<std::string>& field, std::string help) {
  add_option(
      std::move(key), std::move(help),
      [&field](std::string_view text) {
        field.clear();
        if (trim(text).empty()) return;
        for (const std::string& part : split(text, ',')) field.emplace_back(trim(part));
      },
      [&field] { return join(field, ","); });
}

void OptionTable::add_choice_index(std::string key, std::vector<std::string> names, std::string help,
                                   std::function<size_t()> get, std::function<void(size_t)> set) {
  help += " (" + join(names, " | ") + ")";
  add_option(
      std::move(key), std::move(help),
      [names, set](std::string_view text) {
        for (size_t i = 0; i < names.size(); ++i) {
          if (names[i] == text) return set(i);
        }
        throw_user("'{}' is not one of {}", text, join(names, ", "));
      },
      [names, get] { return names.at(get()); });
}

void OptionTable::set(std::string_view name, std::string_view text, std::string_view origin) {
  std::vector<std::string> known;
  for (const Option& option : options_) {
    if (option.name() == name) {
      try {
        return option.set(text);
      } catch (const Error& error) {
        throw_user("{}: {} = {}: {}; {}", origin, name, text, error.what(), option.help);
      }
    }
    known.push_back(option.name());
  }
  const std::string nearest = nearest_word(name, known);
  if (nearest.empty()) throw_user("{}: unknown option '{}'; `kumiko train --help` lists them all", origin, name);
  throw_user("{}: unknown option '{}'; did you mean '{}'?", origin, name, nearest);
}

}  // namespace kumiko
