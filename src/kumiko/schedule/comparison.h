// All schedules for one request side by side.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kumiko/schedule/generators.h"

namespace kumiko {

struct ComparedSchedule {
  std::string_view name;
  std::string refusal;  // why the schedule is not defined for the request; "" where it is
  bool synchronous = true;
  double bubble_rate = 0;
  double cost = 0;
  // Of the fullest rank.
  double peak_activations = 0;
  double peak_memory = 0;
  int weight_versions = 1;
  int stages_per_rank = 1;
};

// In the order of schedule_generators().
std::vector<ComparedSchedule> compare_schedules(const ScheduleRequest& request);

std::string to_text(std::span<const ComparedSchedule> schedules);
std::string to_json(std::span<const ComparedSchedule> schedules);

}  // namespace kumiko
