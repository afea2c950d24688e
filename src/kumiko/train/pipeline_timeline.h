// When the ranks of a pipeline did what in a step, brought together: what `kumiko schedule show --measured` draws.
#pragma once

#include <filesystem>
#include <vector>

#include "kumiko/parallel/action_record.h"
#include "kumiko/parallel/pipeline.h"
#include "kumiko/schedule/timeline_file.h"

namespace kumiko {

// What each rank of the axis saw, on every rank of it. Times are each rank's own clock, which ranks on one host share.
// Collective over the pipeline axis.
std::vector<std::vector<ActionRecord>> gather_records(const std::vector<ActionRecord>& own, Communicator& axis);

// Of a step with these records, in ms from the first action on.
TimelineFile timeline_of(const Pipeline& pipeline, const std::vector<std::vector<ActionRecord>>& records);

}  // namespace kumiko
