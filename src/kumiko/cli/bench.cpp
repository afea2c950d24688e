#include <CLI/CLI.hpp>

#include "kumiko/cli/bench_tokenizer.h"
#include "kumiko/cli/subcommands.h"

namespace kumiko {

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine and this program");
  bench->require_subcommand(1);
  add_bench_tokenizer(*bench);
}

}  // namespace kumiko
