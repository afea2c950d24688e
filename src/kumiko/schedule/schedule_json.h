// Requests, costs and timed actions as JSON: the keys that reports and files share. For the sources of this room.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {

// {"schedule", "pipeline", "micro_batches", "chunks", "pipeline_pairs", "micro_batches_per_update", "memory_limit",
// "times":
// {"forward", "backward", "weight"}, "after_backward", "transfer"}; with costs of each stage, "stage_times":
// [{"forward",
// ...}] for "times" and "after_backward".
nlohmann::ordered_json request_json(std::string_view schedule, const ScheduleRequest& request);
// What is absent is as in ScheduleRequest. User error, or an exception of the JSON library, where a value is none.
ScheduleRequest request_from_json(const nlohmann::json& json);

// [{"forward", "backward", "weight", "activations", "after_backward"}, ...]: a micro-batch at each stage. Memory may be
// absent: a share of what a rank of `num_ranks` holds, 1.
void read_stages(const nlohmann::json& stages, int num_ranks, ScheduleCosts& costs);

// {"placement": [[rank of each stage] of each route], "routes": [of each micro-batch], "micro_batches_per_update",
// "parts_per_micro_batch"}: all of a schedule but its actions.
nlohmann::ordered_json form_json(const Schedule& schedule);
// Without actions. User error, or an exception of the JSON library, where it is none.
Schedule form_from_json(const nlohmann::json& form, std::string_view name, int num_ranks);

// [[{"kind", "stage", "micro_batch", "weight_version" if not 0, "begin", "end"}, ...] of each rank]
nlohmann::ordered_json actions_json(const Schedule& schedule, const std::vector<std::vector<ActionTime>>& times);

// The value of `key`, a whole number that an int holds; `fallback` where there is none.
int integer_at(const nlohmann::json& object, const char* key, int fallback);
double number_at(const nlohmann::json& object, const char* key, double fallback);

}  // namespace kumiko
