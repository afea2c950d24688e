// `kumiko bench machine`: what this machine can do at most, kept for MFU and planning.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "kumiko/cli/bench.h"
#include "kumiko/kernels/machine.h"
#include "kumiko/kernels/machine_bf16.h"

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
    ceilings.fma_bf16 = std::max(ceilings.fma_bf16, seen.fma_bf16);
    ceilings.copy = std::max(ceilings.copy, seen.copy);
    ceilings.triad = std::max(ceilings.triad, seen.triad);
  }
  store_ceilings(ceilings);
  fmt::print("{}, {} thread{} on {}\n", ceilings.cpu, ceilings.threads, ceilings.threads == 1 ? "" : "s",
             ceilings.host);
  fmt::print("  multiply-adds  {:8.1f} GFLOP/s fp32 ({:.1f} on average just now)\n", ceilings.fma_f32 * 1e-9,
             ceilings.fma_f32_mean * 1e-9);
  fmt::print("                 {:8.1f} GFLOP/s bf16{}\n", ceilings.fma_bf16 * 1e-9,
             has_bf16_instructions() ? "" : ", computed in fp32: the CPU has no instructions for it");
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
