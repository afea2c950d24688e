// One schedule made, verified and simulated, and what is to be said of it.
#pragma once

#include <string>
#include <string_view>

#include "kumiko/schedule/generators.h"
#include "kumiko/schedule/timeline.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {

struct ScheduleReport {
  ScheduleRequest request;
  Schedule schedule;
  ScheduleFacts facts;
  Simulation simulation;
};

// User error where a value of the request has no meaning for any schedule.
void validate(const ScheduleRequest& request);

// User error where the schedule is unknown, or not defined for the request.
ScheduleReport report_on_schedule(std::string_view name, const ScheduleRequest& request);

Timeline timeline_of(const ScheduleReport& report);
// "1f1b, 4 ranks, 8 micro-batches"
std::string title_of(const Schedule& schedule);

// A table with a row a rank; of more ranks than `most_ranks` the first.
std::string to_text(const ScheduleReport& report, int most_ranks);
// One object: the request, bubble_rate, cost, and of each rank busy, peak_activations, peak_memory and weight_versions;
// with the actions it is a timeline file too (timeline_file.h).
std::string to_json(const ScheduleReport& report, bool with_actions);

}  // namespace kumiko
