#include <CLI/CLI.hpp>

#include "kumiko/cli/subcommands.h"

namespace kumiko {

void add_tokenizer_command(CLI::App&) {}

}  // namespace kumiko
