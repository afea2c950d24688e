// `kumiko bench machine`: what this machine can do at most, kept for MFU and planning.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "kumiko/cli/bench.h"
#include "kumiko/kernels/machine.h"

namespace kumiko {
namespace {

struct MachineOptions {
  int threads = num_available_cores();
  bool fresh = false;
};

void run_machine(const MachineOptions& options) {
  MachineCeilings ceilings = measure_ceilings(options.threads);
  if (!options.fresh) {
    const MachineCeilings seen = cached_ceilings(options.threads);
    ceilings.fma_f32 = std::max(ceilings.fma_f32, seen.fma_f32);
    ceilings.copy = std::max(ceilings.copy, seen.copy);
    ceilings.triad = std::max(ceilings.triad, seen.triad);
  }
  store_ceilings(ceilings);
  fmt::print("{}, {} thread{} on {}\n", ceilings.cpu, ceilings.threads, ceilings.threads == 1 ? "" : "s",
             ceilings.host);
  fmt::print("  multiply-adds  {:8.1f} GFLOP/s fp32\n", ceilings.fma_f32 * 1e-9);
  fmt::print("  memory, copy   {:8.1f} GB/s\n", ceilings.copy * 1e-9);
  fmt::print("  memory, triad  {:8.1f} GB/s\n", ceilings.triad * 1e-9);
  fmt::print("{}, kept in {}\n", options.fresh ? "Measured now" : "The best seen so far",
             ceilings_path(options.threads).string());
}

}  // namespace

void add_bench_machine(CLI::App& bench) {
  auto options = std::make_shared<MachineOptions>();
  CLI::App* command = bench.add_subcommand("machine", "Measure and keep the machine's ceilings");
  command->add_option("--threads", options->threads, "Threads")->check(CLI::PositiveNumber);
  command->add_flag("--fresh", options->fresh, "Forget better rates that were seen before");
  command->callback([options] { run_machine(*options); });
}

}  // namespace kumiko
