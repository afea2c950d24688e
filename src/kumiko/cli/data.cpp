#include <CLI/CLI.hpp>

#include "kumiko/cli/subcommands.h"

namespace kumiko {

void add_data_command(CLI::App&) {}

}  // namespace kumiko
