#include <CLI/CLI.hpp>

#include "kumiko/cli/subcommands.h"

namespace kumiko {

void add_bench_command(CLI::App&) {}

}  // namespace kumiko
