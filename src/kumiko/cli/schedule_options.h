// What `kumiko schedule` needs to know of a pipeline, as options.
#pragma once

#include <string>

#include "kumiko/schedule/generators.h"

namespace CLI {
class App;
}

namespace kumiko {

struct PipelineArguments {
  std::string schedule;
  int pipeline = 0;
  int micro_batches = 0;
  int chunks = 0;
  int pairs = 0;
  int micro_batches_per_update = 0;
  double memory_limit = 0;
  double after_backward = StageMemory{}.after_backward;
  StageTimes times{};
  double transfer = 0;
  std::string times_file;
};

// All of them but the schedule's name.
void add_pipeline_options(CLI::App& command, PipelineArguments& arguments);

// The request that the options given to `command` stand for. User error if two contradict one another.
ScheduleRequest request_of(const CLI::App& command, const PipelineArguments& arguments);
// The same for the schedule that is named: user error where an option means nothing to it.
ScheduleRequest request_of_schedule(const CLI::App& command, const PipelineArguments& arguments);

}  // namespace kumiko
