#include "kumiko/cli/communication_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

namespace kumiko {

void add_communication_options(CLI::App& command, CommunicationOptions& options) {
  const auto table = std::make_shared<OptionTable>();
  table->section("parallel");
  options.describe(*table);
  for (const Option& option : table->options()) {
    std::string flag = "--" + option.key;
    std::replace(flag.begin(), flag.end(), '_', '-');
    const auto set = [table, name = option.name()](const std::string& text) { table->set(name, text, "command line"); };
    command.add_option_function<std::string>(flag, set, option.help)->default_str(option.default_value);
  }
}

}  // namespace kumiko
