#include "kumiko/schedule/timeline_file.h"

#include <array>
#include <cmath>

#include "kumiko/base/error.h"
#include "kumiko/base/file.h"
#include "kumiko/base/json_text.h"
#include "kumiko/schedule/report.h"
#include "kumiko/schedule/schedule_json.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

using nlohmann::json;

ActionKind kind_from_name(const std::string& name) {
  for (const ActionKind kind :
       {ActionKind::forward, ActionKind::backward, ActionKind::weight, ActionKind::whole_backward}) {
    if (name_of(kind) == name) return kind;
  }
  throw_user("kind = {}: expected F, B, W or BW", name);
}

Action action_from_json(const json& object, const Schedule& schedule) {
  const Action action = {kind_from_name(object.at("kind").get<std::string>()), integer_at(object, "stage", -1),
                         integer_at(object, "micro_batch", -1), integer_at(object, "weight_version", 0)};
  if (action.stage < 0 || action.stage >= schedule.num_stages()) {
    throw_user("stage = {}: the schedule has stages 0 to {}", action.stage, schedule.num_stages() - 1);
  }
  if (action.micro_batch < 0 || action.micro_batch >= schedule.num_micro_batches()) {
    throw_user("micro_batch = {}: the schedule has micro-batches 0 to {}", action.micro_batch,
               schedule.num_micro_batches() - 1);
  }
  return action;
}

ActionTime time_from_json(const json& object, double not_before) {
  const ActionTime time = {object.at("begin").get<double>(), object.at("end").get<double>()};
  if (!(time.begin >= not_before) || !(time.end >= time.begin) || !std::isfinite(time.end)) {
    throw_user("from {} to {}: an action begins when the one before it on its rank has ended, and ends later",
               time.begin, time.end);
  }
  return time;
}

// The actions that `list` gives for one rank, in place of those of `timeline`.
void read_rank(const json& list, size_t rank, Timeline& timeline) {
  const std::vector<Action> expected = std::move(timeline.schedule.actions[rank]);
  std::vector<Action> actions;
  std::vector<ActionTime> times;
  double before = -std::numeric_limits<double>::infinity();
  for (const json& object : list) {
    const size_t place = actions.size();
    try {
      Action action = action_from_json(object, timeline.schedule);
      // Versions follow from the schedule, where its order was kept.
      if (!object.contains("weight_version") && place < expected.size()) {
        action.weight_version = expected[place].weight_version;
      }
      actions.push_back(action);
      times.push_back(time_from_json(object, before));
      before = times.back().end;
    } catch (const Error& error) {
      throw_user("rank {}, action {}: {}", rank, place, error.what());
    }
  }
  timeline.schedule.actions[rank] = std::move(actions);
  timeline.times.push_back(std::move(times));
}

TimelineFile timeline_from_json(const json& object) {
  TimelineFile file;
  file.request = request_from_json(object);
  validate(file.request);
  file.time_unit = object.value("time_unit", "");
  Timeline& timeline = file.timeline;
  const ScheduleGenerator& generator = find_schedule(object.at("schedule").get<std::string>());
  const auto form = object.find("form");
  timeline.schedule = form == object.end() ? generator.make(file.request)
                                           : form_from_json(*form, generator.name, file.request.num_ranks);
  timeline.title = title_of(timeline.schedule);
  const json& ranks = object.at("ranks");
  if (!ranks.is_array() || ranks.size() != timeline.schedule.actions.size()) {
    throw_user("ranks: expected a list for each of {} ranks, found {}", timeline.schedule.actions.size(), ranks.size());
  }
  for (size_t rank = 0; rank < ranks.size(); ++rank) read_rank(ranks[rank], rank, timeline);
  verify(timeline.schedule);
  return file;
}

json read_object(const std::filesystem::path& path) {
  json parsed = parse_json(read_text_file(path), path.string());
  if (!parsed.is_object()) throw_user("{}: expected a JSON object", path.string());
  return parsed;
}

}  // namespace

std::string to_json(const TimelineFile& file) {
  nlohmann::ordered_json json = request_json(file.timeline.schedule.name, file.request);
  if (!file.time_unit.empty()) json["time_unit"] = file.time_unit;
  json["form"] = form_json(file.timeline.schedule);
  json["ranks"] = actions_json(file.timeline.schedule, file.timeline.times);
  return json.dump();
}

TimelineFile read_timeline_file(const std::filesystem::path& path) {
  const json object = read_object(path);
  try {
    return timeline_from_json(object);
  } catch (const Error& error) {
    throw_user("{}: {}", path.string(), error.what());
  } catch (const json::exception& error) {
    throw_user("{}: {}", path.string(), json_reason(error));
  }
}

ScheduleCosts mean_costs(const Timeline& timeline, double transfer) {
  struct Sum {
    double time = 0;
    double count = 0;
    double mean() const { return count > 0 ? time / count : 0; }
  };
  const Schedule& schedule = timeline.schedule;
  std::vector<std::array<Sum, 4>> sums(static_cast<size_t>(schedule.num_stages()));
  for (size_t rank = 0; rank < schedule.actions.size(); ++rank) {
    for (size_t n = 0; n < schedule.actions[rank].size(); ++n) {
      const Action& action = schedule.actions[rank][n];
      Sum& sum = sums[static_cast<size_t>(action.stage)][static_cast<size_t>(action.kind)];
      sum.time += timeline.times[rank][n].end - timeline.times[rank][n].begin;
      sum.count += 1;
    }
  }
  ScheduleCosts costs =
      uniform_costs(schedule.num_stages(), schedule.num_stages() / schedule.num_ranks(), {}, transfer);
  for (size_t stage = 0; stage < sums.size(); ++stage) {
    const auto mean = [&](ActionKind kind) {
      return sums[stage][static_cast<size_t>(kind)].mean() * schedule.parts_per_micro_batch;
    };
    costs.times[stage] = {mean(ActionKind::forward), mean(ActionKind::backward) + mean(ActionKind::whole_backward),
                          mean(ActionKind::weight)};
  }
  return costs;
}

ScheduleCosts read_stage_costs(const std::filesystem::path& path, int num_ranks) {
  const json object = read_object(path);
  try {
    ScheduleCosts costs;
    read_stages(object.value("stages", json()), num_ranks, costs);
    costs.transfer = number_at(object, "transfer", 0);
    return costs;
  } catch (const Error& error) {
    throw_user("{}: {}", path.string(), error.what());
  }
}

}  // namespace kumiko
