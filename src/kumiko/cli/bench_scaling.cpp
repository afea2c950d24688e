#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "kumiko/base/file.h"
#include "kumiko/cli/bench.h"
#include "kumiko/cli/choice.h"
#include "kumiko/cli/same_command.h"
#include "kumiko/cli/step_options.h"
#include "kumiko/comm/run.h"
#include "kumiko/train/scaling_benchmark.h"
#include "kumiko/train/scaling_plot.h"
#include "kumiko/train/scaling_report.h"

namespace kumiko {
namespace {

struct ScalingBench {
  ScalingOptions options;
  std::string layouts;
  std::string json;
  std::string svg;
};

void report(const ScalingBench& bench, const ScalingRecord& record) {
  fmt::print("{}", scaling_text(record));
  if (!bench.json.empty()) write_text_file(bench.json, scaling_json(record).dump(2) + "\n");
  if (!bench.svg.empty()) write_text_file(bench.svg, scaling_plot(record));
}

int run(ScalingBench bench, const CLI::App& command) {
  if (!bench.layouts.empty()) bench.options.layouts = parse_layouts(bench.layouts);
  const CommunicationOptions communication = benchmark_config(bench.options.step).parallel.communication;
  communication.validate();
  const auto body = [&](World& world) {
    check_same_command(command, world);
    const ScalingRecord record = benchmark_scaling(bench.options, world);
    if (world.rank() == 0) report(bench, record);
    return 0;
  };
  return run_in_world(body, MemoryPool::create(), communication);
}

}  // namespace

void add_bench_scaling(CLI::App& app) {
  const auto bench = std::make_shared<ScalingBench>();
  ScalingOptions& options = bench->options;
  options.step.micro_batch_size = 1;
  options.step.steps = 3;
  CLI::App* command = app.add_subcommand(
      "scaling", "Time a training step in several layouts on the first ranks of mpiexec -n N; print how it scales");
  command->add_option("--layouts", bench->layouts,
                      "Sizes of the data and the tensor axis, as 1x1,2x1,1x2; options of [parallel] after colons, as "
                      "2x1:key=value. Without it, powers of two up to the ranks");
  command->add_option("--mode", options.mode, "strong: the global batch is fixed; weak: the batch of a rank")
      ->transform(
          choice(std::map<std::string, ScalingMode>{{"strong", ScalingMode::strong}, {"weak", ScalingMode::weak}}))
      ->default_str("strong");
  command->add_option("--global-batch-size", options.global_batch_size, "Of strong; 0 for the least that fits")
      ->capture_default_str();
  command->add_option("--rank-batch-size", options.rank_batch_size, "Of weak; 0 for the micro-batch size")
      ->capture_default_str();
  command->add_option("--rounds", options.rounds, "Times that each layout runs, in turn; the median counts")
      ->capture_default_str();
  add_step_options(*command, options.step);
  command->add_option("--json", bench->json, "File for the record as JSON");
  command->add_option("--svg", bench->svg, "File for plots");
  command->allow_extras();
  command->footer(
      "Any option of a configuration can follow as --section.key VALUE, as with `kumiko train`:\n"
      "--model.hidden_size 1024 --parallel.rank_order data-tensor-context-pipeline");
  command->callback([bench, command] {
    bench->options.step.settings = parse_overrides(command->remaining());
    const int code = run(*bench, *command);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
