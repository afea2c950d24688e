#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "kumiko/base/file.h"
#include "kumiko/base/text.h"
#include "kumiko/cli/bench.h"
#include "kumiko/cli/same_command.h"
#include "kumiko/cli/step_options.h"
#include "kumiko/comm/run.h"
#include "kumiko/schedule/render_svg.h"
#include "kumiko/train/pipeline_benchmark.h"

namespace kumiko {
namespace {

struct BenchPipelineArguments {
  PipelineBenchmarkOptions options;
  double forward_ms = 0;
  double backward_ms = 0;
  double weight_ms = 0;
  bool json = false;
  std::string pictures;
};

const std::string& name_of(const PipelineMeasurement& result) { return result.file.timeline.schedule.name; }

double largest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

void print_text(const PipelineBenchmarkOptions& options, const std::vector<PipelineMeasurement>& results,
                const World& world) {
  const std::string times = options.emulates() ? fmt::format("actions made to last F {:.4g}, B {:.4g}, W {:.4g} ms",
                                                             1e3 * options.times.forward, 1e3 * options.times.backward,
                                                             1e3 * options.times.weight)
                                               : "real arithmetic";
  fmt::print("{} ranks, {} micro-batches, {}, {}: the middle of {} steps\n\n", world.size(), options.num_micro_batches,
             options.step.model, times, options.step.steps);
  fmt::print("{:<18}{:>9}{:>8}{:>9}{:>11}{:>13}{:>11}{:>11}{:>11}\n", "schedule", "step ms", "T_c ms", "bubble",
             "simulated", "most bytes", "simulated", "in flight", "simulated");
  for (const PipelineMeasurement& result : results) {
    if (!result.refusal.empty()) {
      fmt::print("{:<18}  not run: {}\n", name_of(result), result.refusal);
      continue;
    }
    fmt::print("{:<18}{:>9.1f}{:>8.2f}{:>9.4f}{:>11.4f}{:>13}{:>11}{:>11.4g}{:>11.4g}\n", name_of(result),
               1e3 * result.step_seconds, result.transfer_ms, result.bubble_rate, result.simulation.bubble_rate,
               human_bytes(largest(result.peak_bytes)), human_bytes(largest(result.simulation.peak_memory)),
               largest(result.peak_activations), largest(result.simulation.peak_activations));
  }
}

void print_json(const std::vector<PipelineMeasurement>& results) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const PipelineMeasurement& result : results) {
    if (!result.refusal.empty()) {
      json.push_back({{"schedule", name_of(result)}, {"not_run", result.refusal}});
      continue;
    }
    json.push_back({{"schedule", name_of(result)},
                    {"step_ms", 1e3 * result.step_seconds},
                    {"transfer_ms", result.transfer_ms},
                    {"bubble_rate", result.bubble_rate},
                    {"simulated_bubble_rate", result.simulation.bubble_rate},
                    {"peak_bytes", result.peak_bytes},
                    {"simulated_peak_bytes", result.simulation.peak_memory},
                    {"peak_activations", result.peak_activations},
                    {"simulated_peak_activations", result.simulation.peak_activations}});
  }
  fmt::print("{}\n", json.dump());
}

// Measured above simulated, and the numbers behind the first.
void write_pictures(const std::string& directory, const std::vector<PipelineMeasurement>& results) {
  std::filesystem::create_directories(directory);
  for (const PipelineMeasurement& result : results) {
    if (!result.refusal.empty()) continue;
    const Timeline simulated{name_of(result) + ", simulated", result.file.timeline.schedule, result.simulation.times};
    const std::vector<Timeline> both = {result.file.timeline, simulated};
    write_text_file(directory + "/" + name_of(result) + ".svg", timeline_svg(both, "ms"));
    write_text_file(directory + "/" + name_of(result) + ".json", to_json(result.file));
  }
}

}  // namespace

void add_bench_pipeline(CLI::App& bench) {
  const auto arguments = std::make_shared<BenchPipelineArguments>();
  PipelineBenchmarkOptions& options = arguments->options;
  options.step.model = "gpt2-124m";
  CLI::App* command = bench.add_subcommand(
      "pipeline", "Carry out pipeline schedules on synthetic tokens, beside their simulation; under mpiexec -n N");
  add_step_options(*command, options.step);
  command->add_option("--schedules", options.schedules, "Names, joined by commas; all synchronous ones if not given")
      ->delimiter(',');
  command->add_option("--micro-batches", options.num_micro_batches, "Of a step")->capture_default_str();
  command
      ->add_option("--virtual-pipeline-model-parallel-size", options.step.parallel.pipeline.chunks,
                   "Stages of a rank, where the schedule leaves that open; 0 for 2")
      ->capture_default_str();
  command->add_option("--tf", arguments->forward_ms, "Make F of a micro-batch last so many ms on a rank");
  command->add_option("--tb", arguments->backward_ms, "B");
  command->add_option("--tw", arguments->weight_ms, "W");
  command->add_flag("--json", arguments->json, "One line of JSON");
  command->add_option("--pictures", arguments->pictures, "Directory for a picture and a JSON file of each timeline");
  command->allow_extras();
  command->footer("Any other option of a configuration can follow, as --model.hidden_size 64");
  command->callback([command, arguments] {
    PipelineBenchmarkOptions& chosen = arguments->options;
    chosen.step.settings = parse_overrides(command->remaining());
    chosen.times = {1e-3 * arguments->forward_ms, 1e-3 * arguments->backward_ms, 1e-3 * arguments->weight_ms};
    const auto body = [&](World& world) {
      check_same_command(*command, world);
      const std::vector<PipelineMeasurement> results = benchmark_pipeline(chosen, world);
      if (world.rank() > 0) return 0;
      arguments->json ? print_json(results) : print_text(chosen, results, world);
      if (!arguments->pictures.empty()) write_pictures(arguments->pictures, results);
      return 0;
    };
    const int code = run_in_world(body, MemoryPool::create(), chosen.step.parallel.communication);
    if (code != 0) throw CLI::RuntimeError(code);
  });
}

}  // namespace kumiko
