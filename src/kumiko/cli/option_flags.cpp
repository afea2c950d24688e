#include "kumiko/cli/option_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace kumiko {

void add_option_flag(CLI::App& command, const std::shared_ptr<OptionTable>& table, const Option& option) {
  std::string flag = "--" + option.key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  const auto set = [table, name = option.name()](const std::string& text) { table->set(name, text, "command line"); };
  command.add_option_function<std::string>(flag, set, option.help)->default_str(option.default_value);
}

}  // namespace kumiko
