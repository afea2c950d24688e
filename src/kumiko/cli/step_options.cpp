#include "kumiko/cli/step_options.h"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>

#include "kumiko/base/options.h"
#include "kumiko/cli/choice.h"
#include "kumiko/cli/communication_options.h"
#include "kumiko/cli/option_flags.h"

namespace kumiko {

void add_placement_options(CLI::App& command, ParallelOptions& options) {
  command
      .add_option("--threads", options.num_threads,
                  "Of a rank; 0 for OMP_NUM_THREADS, else its share of the node's cores and CPU quota")
      ->capture_default_str();
  command.add_option("--bind", options.bind, "Whether to bind threads to cores: auto or none")
      ->transform(choice(std::map<std::string, Bind>{{"auto", Bind::automatic}, {"none", Bind::none}}))
      ->default_str("auto");
}

void add_step_options(CLI::App& command, StepBenchmarkOptions& options) {
  std::map<std::string, Precision> precisions;
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::fp16}) {
    precisions.emplace(name_of(precision), precision);
  }
  command.add_option("--model", options.model, "A preset, as gpt2-124m")->capture_default_str();
  command.add_option("--micro-batch-size", options.micro_batch_size, "Samples that a rank computes at once")
      ->capture_default_str();
  command.add_option("--seq-length", options.seq_length, "Tokens a sample")->capture_default_str();
  add_placement_options(command, options.parallel);
  command.add_option("--num-layers", options.num_layers, "Another depth of that model")->capture_default_str();
  command.add_option("--dtype", options.precision, "Activations in fp32, bf16 or fp16")
      ->transform(choice(precisions))
      ->default_str("fp32");
  // The configuration's own options of recomputation, by the same names.
  const auto table = std::make_shared<OptionTable>();
  table->section("train");
  options.recompute.describe(*table);
  for (const Option& option : table->options()) add_option_flag(command, table, option);
  command.add_flag("--reproducible", options.reproducible, "With the order of sums of train.reproducible");
  add_communication_options(command, options.parallel.communication);
  command.add_option("--warmup", options.warmup, "Steps before counting")->capture_default_str();
  command.add_option("--steps", options.steps, "Steps counted")->capture_default_str();
}

}  // namespace kumiko
