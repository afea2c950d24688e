#include "kumiko/cli/schedule_options.h"

#include <CLI/CLI.hpp>

#include "kumiko/base/error.h"
#include "kumiko/schedule/report.h"
#include "kumiko/schedule/timeline_file.h"

namespace kumiko {
namespace {

// Interleaving of one stage a rank would be 1F1B.
constexpr int default_chunks = 2;

bool given(const CLI::App& command, const std::string& option) { return command.count(option) > 0; }

}  // namespace

void add_pipeline_options(CLI::App& command, PipelineArguments& arguments) {
  command.add_option("--pipeline", arguments.pipeline, "Ranks of the pipeline");
  command.add_option("--micro-batches", arguments.micro_batches, "Micro-batches of a step");
  command.add_option("--chunks", arguments.chunks, "Stages a rank, where a schedule leaves that open (default 2)");
  command.add_option("--pairs", arguments.pairs, "Of Chimera: pipelines in each direction (default 1)");
  command.add_option("--micro-batches-per-update", arguments.micro_batches_per_update,
                     "Of pipedream-2bw: micro-batches between two updates (default: as many as ranks)");
  command.add_option("--tf", arguments.times.forward, "T_F: forward of a micro-batch on a rank, in any unit of time")
      ->capture_default_str();
  command.add_option("--tb", arguments.times.backward, "T_B: gradients of its inputs")->capture_default_str();
  command.add_option("--tw", arguments.times.weight, "T_W: gradients of its weights")->capture_default_str();
  command.add_option("--tc", arguments.transfer, "T_c: a message from one rank to another")->capture_default_str();
  command.add_option("--times", arguments.times_file,
                     "JSON file with times of each stage, instead: {\"stages\": [{\"forward\": 1, \"backward\": 1, "
                     "\"weight\": 1}, ...], \"transfer\": 0}");
  command.add_option("--memory-limit", arguments.memory_limit,
                     "Of schedules that fit themselves to it: memory of a rank, in the activations of micro-batches "
                     "(default: as published)");
  command
      .add_option("--after-backward", arguments.after_backward,
                  "The share of a micro-batch's activations that is held between its B and its W")
      ->capture_default_str();
}

ScheduleRequest request_of(const CLI::App& command, const PipelineArguments& arguments) {
  for (const char* option : {"--pipeline", "--micro-batches"}) {
    if (!given(command, option)) throw_user("{} is missing: give the number of them", option);
  }
  ScheduleRequest request;
  request.num_ranks = arguments.pipeline;
  request.num_micro_batches = arguments.micro_batches;
  request.chunks = given(command, "--chunks") ? arguments.chunks : default_chunks;
  request.pipeline_pairs = given(command, "--pairs") ? arguments.pairs : 1;
  request.micro_batches_per_update = arguments.micro_batches_per_update;
  request.memory_limit = arguments.memory_limit;
  request.memory.after_backward = arguments.after_backward;
  request.times = arguments.times;
  request.transfer = arguments.transfer;
  if (!arguments.times_file.empty()) {
    for (const char* option : {"--tf", "--tb", "--tw", "--tc", "--after-backward"}) {
      if (given(command, option))
        throw_user("{} and --times: the file says what each stage takes; leave {} out", option, option);
    }
    request.stage_costs = read_stage_costs(arguments.times_file, request.num_ranks);
    request.transfer = request.stage_costs.transfer;
  }
  validate(request);
  return request;
}

ScheduleRequest request_of_schedule(const CLI::App& command, const PipelineArguments& arguments) {
  if (arguments.schedule.empty()) throw_user("--schedule is missing: give one that `kumiko schedule list` names");
  const ScheduleGenerator& generator = find_schedule(arguments.schedule);
  const RequestParts takes = parts_taken_by(generator);
  const auto refuse = [&](const char* option, bool taken, const char* reason) {
    if (!taken && given(command, option)) {
      throw_user("{} means nothing to the schedule {}, {}; leave it out", option, generator.name, reason);
    }
  };
  refuse("--chunks", takes.chunks, "whose stages a rank are not open");
  refuse("--pairs", takes.pipeline_pairs, "which has no pipelines in two directions");
  refuse("--micro-batches-per-update", takes.micro_batches_per_update, "whose updates are not open");
  refuse("--memory-limit", takes.memory_limit, "which does not fit itself to memory");
  return request_of(command, arguments);
}

}  // namespace kumiko
