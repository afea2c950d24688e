// Options live in plain structs with defaults. A struct describes its fields once, to an OptionTable; the TOML file,
// the command line, `--help`, and the record of a run all come from that one description.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kumiko {

struct Option {
  std::string section;  // "optimizer"
  std::string key;      // "lr"
  std::string help;
  std::string default_value;
  std::function<void(std::string_view)> set;  // user error, naming the option, if the text does not parse
  std::function<std::string()> get;           // the present value as text that `set` reads back

  std::string name() const { return section + "." + key; }
};

class OptionTable {
 public:
  // Fields added from here on belong to `section`.
  void section(std::string name) { section_ = std::move(name); }

  // The struct that owns `field` must outlive the table.
  void add(std::string key, bool& field, std::string help);
  void add(std::string key, int64_t& field, std::string help);
  void add(std::string key, double& field, std::string help);
  void add(std::string key, std::string& field, std::string help);
  // Comma-separated in text.
  void add(std::string key, std::vector<std::string>& field, std::string help);

  // `text` one of `names`; the field is the position in `names` as an enumeration with values 0, 1, ...
  template <class Enum>
  void add_choice(std::string key, Enum& field, std::vector<std::string> names, std::string help) {
    add_choice_index(
        std::move(key), std::move(names), std::move(help), [&field] { return static_cast<size_t>(field); },
        [&field](size_t index) { field = static_cast<Enum>(index); });
  }

  const std::vector<Option>& options() const { return options_; }

  // Sets "section.key"; an unknown name is a user error that offers the nearest known one. `origin` says where the
  // setting stands ("run.toml line 7", "command line").
  void set(std::string_view name, std::string_view text, std::string_view origin);

 private:
  void add_option(std::string key, std::string help, std::function<void(std::string_view)> set,
                  std::function<std::string()> get);
  void add_choice_index(std::string key, std::vector<std::string> names, std::string help, std::function<size_t()> get,
                        std::function<void(size_t)> set);

  std::string section_;
  std::vector<Option> options_;
};

}  // namespace kumiko
