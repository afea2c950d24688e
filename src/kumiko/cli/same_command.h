// What the ranks of a subcommand compare first: that they are the same program with the same command line.
#pragma once

#include <CLI/CLI.hpp>

#include "kumiko/comm/communicator.h"

namespace kumiko {

// Collective. SharedError, naming the option, unless all ranks were started alike. `command` has been parsed.
void check_same_command(const CLI::App& command, World& world);

}  // namespace kumiko
