#include "kumiko/train/config.h"

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include <sstream>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/model/presets.h"

namespace kumiko {
namespace {

struct Setting {
  std::string name;
  std::string text;
  std::string origin;
};

std::string text_of(const toml::node& node, const std::string& name, const std::string& origin) {
  if (const auto text = node.value<std::string>(); text && node.is_string()) return *text;
  if (node.is_boolean()) return *node.value<bool>() ? "true" : "false";
  if (node.is_integer()) return std::to_string(*node.value<int64_t>());
  if (node.is_floating_point()) return fmt::format("{}", *node.value<double>());
  if (const toml::array* array = node.as_array()) {
    std::string joined;
    for (const toml::node& element : *array) joined += (joined.empty() ? "" : ",") + text_of(element, name, origin);
    return joined;
  }
  throw_user("{}: {}: expected a string, a number, true, false or a list of them", origin, name);
}

std::vector<Setting> settings_of(const std::string& text, const std::string& path) {
  std::vector<Setting> settings;
  try {
    const toml::table root = toml::parse(text, path);
    for (const auto& [section, node] : root) {
      const std::string section_name(section.str());
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        throw_user(
            "{} line {}: option '{}' stands outside a section; write it under [model], [data], [train], "
            "[optimizer], [parallel], [checkpoint] or [logging]",
            path, node.source().begin.line, section_name);
      }
      for (const auto& [key, value] : *table) {
        const std::string name = section_name + "." + std::string(key.str());
        const std::string origin = fmt::format("{} line {}", path, key.source().begin.line);
        settings.push_back({name, text_of(value, name, origin), origin});
      }
    }
  } catch (const toml::parse_error& error) {
    throw_user("{} line {}: {}", path, error.source().begin.line, error.description());
  }
  return settings;
}

bool needs_quotes(const Option& option) {
  const std::string value = option.get();
  if (value == "true" || value == "false") return false;
  char* end = nullptr;
  std::strtod(value.c_str(), &end);
  return value.empty() || *end != '\0';
}

std::string quoted(const std::string& value) {
  std::ostringstream stream;
  stream << toml::value<std::string>(value);
  return stream.str();
}

}  // namespace

OptionTable Config::table() {
  OptionTable table;
  model.describe(table);
  data.describe(table);
  train.describe(table);
  optimizer.describe(table);
  parallel.describe(table);
  checkpoint.describe(table);
  logging.describe(table);
  return table;
}

std::string Config::to_toml() {
  std::string text;
  std::string section;
  const OptionTable options = table();
  for (const Option& option : options.options()) {
    if (option.section != section) {
      section = option.section;
      text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", section);
    }
    text += fmt::format("{} = {}\n", option.key, needs_quotes(option) ? quoted(option.get()) : option.get());
  }
  return text;
}

void Config::validate() const {
  train.validate();
  optimizer.validate();
  parallel.validate();
  checkpoint.validate();
  logging.validate();
  data.validate();
}

Config load_config(const std::string& path, const Overrides& overrides) {
  return parse_config(path.empty() ? "" : read_text_file(path), path, overrides);
}

Config parse_config(const std::string& text, const std::string& origin, const Overrides& overrides) {
  std::vector<Setting> settings = settings_of(text, origin);
  for (const auto& [name, value] : overrides) settings.push_back({name, value, "command line"});
  Config config;
  OptionTable table = config.table();
  for (const Setting& setting : settings) {
    if (setting.name == "model.preset" && !setting.text.empty()) apply_preset(config.model, setting.text);
  }
  for (const Setting& setting : settings) table.set(setting.name, setting.text, setting.origin);
  return config;
}

Overrides parse_overrides(const std::vector<std::string>& arguments) {
  Overrides overrides;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with("--") || argument.find('.') == std::string::npos) {
      throw_user("command line: '{}' is not an option; write --section.key value, as --train.train_iters 100",
                 argument);
    }
    const size_t equals = argument.find('=');
    if (equals != std::string::npos) {
      overrides.emplace_back(argument.substr(2, equals - 2), argument.substr(equals + 1));
    } else if (i + 1 < arguments.size()) {
      overrides.emplace_back(argument.substr(2), arguments[++i]);
    } else {
      throw_user("command line: {} has no value; write {} VALUE", argument, argument);
    }
  }
  return overrides;
}

}  // namespace kumiko
