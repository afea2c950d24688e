#include "kumiko/schedule/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

template <class Values>
auto most(const Values& values) {
  return *std::max_element(values.begin(), values.end());
}

ComparedSchedule compared(const ScheduleGenerator& generator, const ScheduleRequest& request) {
  ComparedSchedule result;
  result.name = generator.name;
  result.synchronous = generator.synchronous;
  try {
    const ScheduleReport report = report_on_schedule(generator.name, request);
    result.bubble_rate = report.simulation.bubble_rate;
    result.cost = report.simulation.cost;
    result.peak_activations = most(report.facts.peak_activations);
    result.peak_memory = most(report.simulation.peak_memory);
    result.weight_versions = most(report.facts.weight_versions);
    result.stages_per_rank = static_cast<int>(report.schedule.placement.stages_of(0).size());
    result.search = report.search;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::user) throw;
    result.refusal = error.what();
  }
  return result;
}

}  // namespace

std::vector<ComparedSchedule> compare_schedules(const ScheduleRequest& request) {
  validate(request);
  std::vector<ComparedSchedule> result;
  for (const ScheduleGenerator& generator : schedule_generators()) result.push_back(compared(generator, request));
  return result;
}

std::string to_text(std::span<const ComparedSchedule> schedules) {
  std::string text = fmt::format("{:<26} {:>11} {:>10} {:>11} {:>8} {:>8} {:>13}\n", "schedule", "bubble rate", "cost",
                                 "activations", "memory", "versions", "stages a rank");
  bool asynchronous = false;
  std::string searched;
  std::string refusals;
  for (const ComparedSchedule& schedule : schedules) {
    if (!schedule.refusal.empty()) {
      refusals += fmt::format("{}: {}\n", schedule.name, schedule.refusal);
      continue;
    }
    if (schedule.search) searched += fmt::format("{}: {}\n", schedule.name, to_string(*schedule.search, schedule.cost));
    asynchronous = asynchronous || !schedule.synchronous;
    text += fmt::format("{:<26} {:>11.4f} {:>10.6g} {:>11.4g} {:>8.4g} {:>8} {:>13}\n",
                        std::string(schedule.name) + (schedule.synchronous ? "" : " *"), schedule.bubble_rate,
                        schedule.cost, schedule.peak_activations, schedule.peak_memory, schedule.weight_versions,
                        schedule.stages_per_rank);
  }
  text += "activations, memory (less after B, --after-backward) and versions of weights are the most of any rank\n";
  if (asynchronous) text += "* asynchronous: weights are updated within the schedule\n";
  text += searched;
  if (!refusals.empty()) text += "\nnot defined here:\n" + refusals;
  return text;
}

std::string to_json(std::span<const ComparedSchedule> schedules) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ComparedSchedule& schedule : schedules) {
    nlohmann::ordered_json entry = {{"schedule", schedule.name}, {"synchronous", schedule.synchronous}};
    if (schedule.refusal.empty()) {
      entry["bubble_rate"] = schedule.bubble_rate;
      entry["cost"] = schedule.cost;
      entry["peak_activations"] = schedule.peak_activations;
      entry["peak_memory"] = schedule.peak_memory;
      entry["weight_versions"] = schedule.weight_versions;
      entry["stages_per_rank"] = schedule.stages_per_rank;
      if (schedule.search) {
        entry["lower_bound"] = schedule.search->lower_bound;
        entry["best_published"] = schedule.search->best_published;
      }
    } else {
      entry["refusal"] = schedule.refusal;
    }
    list.push_back(std::move(entry));
  }
  return list.dump();
}

}  // namespace kumiko
