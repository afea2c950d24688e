#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "kumiko/base/text.h"
#include "kumiko/cli/bench.h"
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
                                       {"dtype", options.dtype},
                                       {"step_ms", result.median_seconds * 1e3},
                                       {"tokens_per_second", result.tokens_per_second},
                                       {"tflops", result.flops_per_second * 1e-12},
                                       {"peak_tflops", result.peak * 1e-12},
                                       {"peak_share", result.peak_share()},
                                       {"setup_seconds", result.setup_seconds},
                                       {"pool_peak_bytes", result.peak_memory},
                                       {"resident_bytes", result.resident_bytes},
                                       {"loss", result.loss},
                                       {"region_ms", regions}};
  fmt::print("{}\n", json.dump());
}

void print_text(const StepBenchmarkOptions& options, const StepBenchmark& result, const World& world) {
  fmt::print("{}, micro-batch {} x {} tokens, {}, {} ranks of {} threads: median of {} steps\n", options.model,
             options.micro_batch_size, options.seq_length, options.dtype, world.size(), result.num_threads,
             result.seconds.size());
  for (const std::string& line : placement_lines(world.ranks(), result.places, 8)) fmt::print("  {}\n", line);
  fmt::print("\n");
  fmt::print("{}\n", breakdown_table(result.times, flops_by_region(result.shape, options.micro_batch_size)));
  fmt::print("step        {:.1f} ms, {:.0f} tokens/s\n", result.median_seconds * 1e3, result.tokens_per_second);
  fmt::print("compute     {:.3f} TFLOP/s, {:.1f} % of the measured FMA peak of {:.3f}\n",
             result.flops_per_second * 1e-12, 100 * result.peak_share(), result.peak * 1e-12);
  fmt::print("memory      {} pool, {} resident at most\n", human_bytes(static_cast<double>(result.peak_memory)),
             human_bytes(static_cast<double>(result.resident_bytes)));
  fmt::print("setup       {}\n", human_seconds(result.setup_seconds));
}

}  // namespace

void add_bench_step(CLI::App& bench) {
  const auto options = std::make_shared<StepBenchmarkOptions>();
  const auto json = std::make_shared<bool>(false);
  CLI::App* command =
      bench.add_subcommand("step", "Time a whole training step on synthetic tokens; under mpiexec -n N on N ranks");
  command->add_option("--model", options->model, "A preset, as gpt2-124m")->capture_default_str();
  command->add_option("--micro-batch-size", options->micro_batch_size, "Samples of a rank")->capture_default_str();
  command->add_option("--seq-length", options->seq_length, "Tokens a sample")->capture_default_str();
  command->add_option("--threads", options->num_threads, "Of a rank; 0 for the node's cores / its ranks")
      ->capture_default_str();
  command->add_option("--bind", options->bind, "Whether to bind threads to cores: auto or none")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Bind>{{"auto", Bind::automatic}, {"none", Bind::none}}))
      ->default_str("auto");
  command->add_option("--dtype", options->dtype, "Element type of the arithmetic")->capture_default_str();
  command->add_option("--warmup", options->warmup, "Steps before counting")->capture_default_str();
  command->add_option("--steps", options->steps, "Steps counted")->capture_default_str();
  command->add_flag("--json", *json, "One line of JSON");
  command->callback([options, json] {
    const int code = run_in_world([&](World& world) {
      const StepBenchmark result = benchmark_step(*options, world);
      if (world.rank() == 0) *json ? print_json(*options, result) : print_text(*options, result, world);
      return 0;
    });
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
