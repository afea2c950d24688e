#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "kumiko/base/text.h"
#include "kumiko/cli/bench.h"
#include "kumiko/cli/same_command.h"
#include "kumiko/cli/step_options.h"
#include "kumiko/comm/run.h"
#include "kumiko/train/breakdown.h"
#include "kumiko/train/rank_placement.h"
#include "kumiko/train/step_benchmark.h"

namespace kumiko {
namespace {

void print_json(const StepBenchmarkOptions& options, const StepBenchmark& result) {
  nlohmann::ordered_json regions;
  for (size_t row = 0; row < num_region_rows; ++row) {
    const RegionTime& time = result.times.rows[row];
    if (time.calls == 0) continue;
    regions[std::string(name_of(static_cast<RegionRow>(row)))] =
        static_cast<double>(time.nanoseconds) * 1e-6 / static_cast<double>(result.times.steps);
  }
  const nlohmann::ordered_json json = {{"model", options.model},
                                       {"micro_batch_size", options.micro_batch_size},
                                       {"seq_length", options.seq_length},
                                       {"ranks", result.places.size()},
                                       {"threads", result.num_threads},
                                       {"dtype", name_of(options.precision)},
                                       {"step_ms", result.median_seconds * 1e3},
                                       {"tokens_per_second", result.tokens_per_second},
                                       {"tflops", result.flops_per_second * 1e-12},
                                       {"peak_tflops", result.peak * 1e-12},
                                       {"peak_share", result.peak_share()},
                                       {"setup_seconds", result.setup_seconds},
                                       {"predicted_bytes", result.predicted.peak},
                                       {"accounted_bytes", result.accounted.peak},
                                       {"reserved_bytes", result.reserved_bytes},
                                       {"program_bytes", result.program_bytes},
                                       {"resident_bytes", result.resident_bytes},
                                       {"loss", result.loss},
                                       {"region_ms", regions}};
  fmt::print("{}\n", json.dump());
}

void print_memory(const StepBenchmark& result) {
  const auto bytes = [](int64_t count) { return human_bytes(static_cast<double>(count)); };
  const auto row = [&](std::string_view name, int64_t predicted, int64_t accounted) {
    fmt::print("{:<24} {:>10} {:>10}\n", name, bytes(predicted), bytes(accounted));
  };
  fmt::print("{:<24} {:>10} {:>10}\n", "memory", "predicted", "counted");
  for (int i = 0; i < num_memory_purposes; ++i) {
    const auto purpose = static_cast<MemoryPurpose>(i);
    row(name_of(purpose), result.predicted[purpose], result.accounted[purpose]);
  }
  row("at the highest", result.predicted.peak, result.accounted.peak);
  const double share = static_cast<double>(result.accounted.peak) / static_cast<double>(result.resident_bytes);
  fmt::print("of workspace, {} the kernels' own; {} held from the system\n", bytes(result.kernel_scratch),
             bytes(result.reserved_bytes));
  fmt::print("resident at most {}, of which {} before the first tensor; {:.1f} % are counted\n",
             bytes(result.resident_bytes), bytes(result.program_bytes), 100 * share);
}

void print_text(const StepBenchmarkOptions& options, const StepBenchmark& result, const World& world) {
  fmt::print("{}, micro-batch {} x {} tokens, {}, {} rank{} of {} thread{}: median of {} steps\n", options.model,
             options.micro_batch_size, options.seq_length, name_of(options.precision), world.size(),
             world.size() == 1 ? "" : "s", result.num_threads, result.num_threads == 1 ? "" : "s",
             result.seconds.size());
  for (const std::string& line : placement_lines(world.ranks(), result.places, 8)) fmt::print("  {}\n", line);
  fmt::print("\n");
  fmt::print("{}\n", breakdown_table(result.times, flops_by_region(result.shape, options.micro_batch_size)));
  fmt::print("step        {:.1f} ms, {:.0f} tokens/s\n", result.median_seconds * 1e3, result.tokens_per_second);
  fmt::print("compute     {:.3f} TFLOP/s, {:.1f} % of the measured FMA peak of {:.3f}\n",
             result.flops_per_second * 1e-12, 100 * result.peak_share(), result.peak * 1e-12);
  fmt::print("setup       {}\n\n", human_seconds(result.setup_seconds));
  print_memory(result);
}

}  // namespace

void add_bench_step(CLI::App& bench) {
  const auto options = std::make_shared<StepBenchmarkOptions>();
  const auto json = std::make_shared<bool>(false);
  CLI::App* command =
      bench.add_subcommand("step", "Time a whole training step on synthetic tokens; under mpiexec -n N on N ranks");
  add_step_options(*command, *options);
  command->add_flag("--json", *json, "One line of JSON");
  command->callback([options, json, command] {
    const auto body = [&](World& world) {
      check_same_command(*command, world);
      options->parallel.communication.validate();
      const StepBenchmark result = benchmark_step(*options, world);
      if (world.rank() == 0) *json ? print_json(*options, result) : print_text(*options, result, world);
      return 0;
    };
    const int code = run_in_world(body, MemoryPool::create(), options->parallel.communication);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
