#include "kumiko/cli/communication_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "kumiko/cli/option_flags.h"

namespace kumiko {

void add_communication_options(CLI::App& command, CommunicationOptions& options) {
  const auto table = std::make_shared<OptionTable>();
  table->section("parallel");
  options.describe(*table);
  for (const Option& option : table->options()) add_option_flag(command, table, option);
}

}  // namespace kumiko
