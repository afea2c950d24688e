#include "kumiko/schedule/schedule_json.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json times_json(const StageTimes& times) {
  return {{"forward", times.forward}, {"backward", times.backward}, {"weight", times.weight}};
}

StageTimes times_from_json(const json& object) {
  const StageTimes none;
  return {number_at(object, "forward", none.forward), number_at(object, "backward", none.backward),
          number_at(object, "weight", none.weight)};
}

int integer(const json& value, const char* key) {
  if (!value.is_number_integer() || value < std::numeric_limits<int>::min() ||
      value > std::numeric_limits<int>::max()) {
    throw_user("{} = {}: expected a whole number", key, value.dump());
  }
  return value.get<int>();
}

std::vector<int32_t> integers(const json& list, const char* key) {
  if (!list.is_array()) throw_user("{} = {}: expected a list of whole numbers", key, list.dump());
  std::vector<int32_t> values;
  for (const json& value : list) values.push_back(integer(value, key));
  return values;
}

}  // namespace

int integer_at(const json& object, const char* key, int fallback) {
  const auto found = object.find(key);
  return found == object.end() ? fallback : integer(*found, key);
}

double number_at(const json& object, const char* key, double fallback) {
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  if (!found->is_number() || !std::isfinite(found->get<double>())) {
    throw_user("{} = {}: expected a number", key, found->dump());
  }
  return found->get<double>();
}

ordered_json request_json(std::string_view schedule, const ScheduleRequest& request) {
  ordered_json result = {{"schedule", schedule},
                         {"pipeline", request.num_ranks},
                         {"micro_batches", request.num_micro_batches},
                         {"chunks", request.chunks},
                         {"pipeline_pairs", request.pipeline_pairs},
                         {"micro_batches_per_update", request.micro_batches_per_update},
                         {"memory_limit", request.memory_limit}};
  const ScheduleCosts& costs = request.stage_costs;
  if (costs.times.empty()) {
    result["times"] = times_json(request.times);
    result["after_backward"] = request.memory.after_backward;
    result["transfer"] = request.transfer;
    return result;
  }
  ordered_json stages = ordered_json::array();
  for (size_t stage = 0; stage < costs.times.size(); ++stage) {
    ordered_json entry = times_json(costs.times[stage]);
    entry["activations"] = costs.memory[stage].activations;
    entry["after_backward"] = costs.memory[stage].after_backward;
    stages.push_back(std::move(entry));
  }
  result["stage_times"] = std::move(stages);
  result["transfer"] = costs.transfer;
  return result;
}

void read_stages(const json& stages, int num_ranks, ScheduleCosts& costs) {
  if (!stages.is_array() || stages.empty())
    throw_user("expected a list of stages, each with forward, backward, weight");
  const double share = static_cast<double>(num_ranks) / static_cast<double>(stages.size());
  for (const json& stage : stages) {
    if (!stage.is_object()) throw_user("{}: expected an object with forward, backward, weight", stage.dump());
    costs.times.push_back(times_from_json(stage));
    const double activations = number_at(stage, "activations", share);
    costs.memory.push_back(
        {activations, number_at(stage, "after_backward", activations * StageMemory{}.after_backward)});
  }
}

ScheduleRequest request_from_json(const json& object) {
  ScheduleRequest request;
  request.num_ranks = integer_at(object, "pipeline", request.num_ranks);
  request.num_micro_batches = integer_at(object, "micro_batches", request.num_micro_batches);
  request.chunks = integer_at(object, "chunks", request.chunks);
  request.pipeline_pairs = integer_at(object, "pipeline_pairs", request.pipeline_pairs);
  request.micro_batches_per_update = integer_at(object, "micro_batches_per_update", request.micro_batches_per_update);
  request.memory_limit = number_at(object, "memory_limit", request.memory_limit);
  request.transfer = number_at(object, "transfer", request.transfer);
  request.memory.after_backward = number_at(object, "after_backward", request.memory.after_backward);
  if (const auto times = object.find("times"); times != object.end()) request.times = times_from_json(*times);
  if (const auto stages = object.find("stage_times"); stages != object.end()) {
    read_stages(*stages, request.num_ranks, request.stage_costs);
    request.stage_costs.transfer = request.transfer;
  }
  return request;
}

ordered_json form_json(const Schedule& schedule) {
  ordered_json placement = ordered_json::array();
  for (int route = 0; route < schedule.placement.num_routes(); ++route) {
    ordered_json ranks = ordered_json::array();
    for (int stage = 0; stage < schedule.num_stages(); ++stage)
      ranks.push_back(schedule.placement.rank_of(route, stage));
    placement.push_back(std::move(ranks));
  }
  return {{"placement", std::move(placement)},
          {"routes", schedule.routes},
          {"micro_batches_per_update", schedule.micro_batches_per_update},
          {"parts_per_micro_batch", schedule.parts_per_micro_batch}};
}

Schedule form_from_json(const json& form, std::string_view name, int num_ranks) {
  std::vector<std::vector<int32_t>> placement;
  for (const json& ranks : form.at("placement")) placement.push_back(integers(ranks, "placement"));
  const std::vector<int32_t> routes = integers(form.at("routes"), "routes");
  std::vector<bool> holds(static_cast<size_t>(num_ranks));
  for (const std::vector<int32_t>& ranks : placement) {
    if (ranks.empty() || ranks.size() != placement[0].size()) throw_user("placement: routes of unlike lengths");
    for (const int32_t rank : ranks) {
      if (rank < 0 || rank >= num_ranks) throw_user("placement: rank {} of {}", rank, num_ranks);
      holds[static_cast<size_t>(rank)] = true;
    }
  }
  if (std::find(holds.begin(), holds.end(), false) != holds.end()) throw_user("placement: a rank holds no stage");
  for (const int32_t route : routes) {
    if (route < 0 || static_cast<size_t>(route) >= placement.size()) {
      throw_user("routes: route {}, placement has {}", route, placement.size());
    }
  }
  Schedule schedule =
      empty_schedule(std::string(name), StagePlacement(num_ranks, placement), static_cast<int>(routes.size()));
  schedule.routes = routes;
  schedule.micro_batches_per_update = integer_at(form, "micro_batches_per_update", 0);
  schedule.parts_per_micro_batch = integer_at(form, "parts_per_micro_batch", 1);
  if (schedule.micro_batches_per_update < 0 || schedule.parts_per_micro_batch < 1) {
    throw_user("micro_batches_per_update = {}, parts_per_micro_batch = {}: expected 0 and 1 or more",
               schedule.micro_batches_per_update, schedule.parts_per_micro_batch);
  }
  return schedule;
}

ordered_json actions_json(const Schedule& schedule, const std::vector<std::vector<ActionTime>>& times) {
  ordered_json ranks = ordered_json::array();
  for (size_t rank = 0; rank < schedule.actions.size(); ++rank) {
    ordered_json actions = ordered_json::array();
    for (size_t n = 0; n < schedule.actions[rank].size(); ++n) {
      const Action& action = schedule.actions[rank][n];
      ordered_json entry = {
          {"kind", name_of(action.kind)}, {"stage", action.stage}, {"micro_batch", action.micro_batch}};
      if (action.weight_version != 0) entry["weight_version"] = action.weight_version;
      entry["begin"] = times[rank][n].begin;
      entry["end"] = times[rank][n].end;
      actions.push_back(std::move(entry));
    }
    ranks.push_back(std::move(actions));
  }
  return ranks;
}

}  // namespace kumiko
