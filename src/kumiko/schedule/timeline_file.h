// Timelines and times of stages as JSON files: what a run measured, to be drawn and compared later.
#pragma once

#include <filesystem>
#include <string>

#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/timeline.h"

namespace kumiko {

struct TimelineFile {
  ScheduleRequest request;  // that the schedule was made for
  Timeline timeline;
  std::string time_unit;  // of all times, "ms"; "" for none
};

// {"schedule": "zb-h1", "pipeline": 4, "micro_batches": 8, ..., "time_unit": "ms",
//  "ranks": [[{"kind": "F", "stage": 0, "micro_batch": 0, "begin": 0.0, "end": 1.5}, ...], ...]}
std::string to_json(const TimelineFile& file);
// User error, naming the path, if the file is none, or what it says cannot be run.
TimelineFile read_timeline_file(const std::filesystem::path& path);

// What each stage took in a timeline, in the mean over micro-batches; a whole backward counts as backward alone.
// Messages take `transfer`.
ScheduleCosts mean_costs(const Timeline& timeline, double transfer);

// {"stages": [{"forward": 1, "backward": 1, "weight": 1, "activations": 1, "after_backward": 1}, ...], "transfer": 0}:
// a micro-batch at each stage. Memory may be absent: what a rank of `num_ranks` holds of a micro-batch is then 1.
ScheduleCosts read_stage_costs(const std::filesystem::path& path, int num_ranks);

}  // namespace kumiko
