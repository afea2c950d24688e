#include "kumiko/cli/bench.h"

#include <CLI/CLI.hpp>

#include "kumiko/cli/subcommands.h"

namespace kumiko {

void add_bench_command(CLI::App& app) {
  CLI::App* bench = app.add_subcommand("bench", "Measure this machine and this program");
  bench->require_subcommand(1);
  add_bench_machine(*bench);
  add_bench_kernels(*bench);
  add_bench_comm(*bench);
  add_bench_pipeline(*bench);
  add_bench_scaling(*bench);
  add_bench_step(*bench);
  add_bench_tokenizer(*bench);
}

}  // namespace kumiko
