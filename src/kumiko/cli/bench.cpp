#include "kumiko/cli/bench.h"

#include <CLI/CLI.hpp>

#include "kumiko/cli/subcommands.h"

namespace kumiko {

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine, and check and time the parts of a step");
  bench->require_subcommand(1);
  add_bench_machine(*bench);
  add_bench_kernels(*bench);
}

}  // namespace kumiko
