#include "kumiko/schedule/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kumiko/base/error.h"
#include "kumiko/schedule/schedule_json.h"
#include "kumiko/schedule/search.h"

namespace kumiko {
namespace {

// A schedule of so many F, with all that is known of each action, takes about 10 GiB.
constexpr int64_t most_forwards = int64_t{1} << 26;

void check_count(std::string_view name, int value, std::string_view expected) {
  if (value < 1) throw_user("{} = {}: expected {}", name, value, expected);
}

void check_number(std::string_view name, double value) {
  if (!std::isfinite(value) || value < 0) throw_user("{} = {}: expected 0 or more", name, value);
}

void check_times(std::string_view of, const StageTimes& times) {
  check_number(fmt::format("{}T_F", of), times.forward);
  check_number(fmt::format("{}T_B", of), times.backward);
  check_number(fmt::format("{}T_W", of), times.weight);
  if (times.total() <= 0) throw_user("{}T_F, T_B and T_W are all 0: expected one of them above 0", of);
}

int stages_per_rank(const Schedule& schedule) { return static_cast<int>(schedule.placement.stages_of(0).size()); }

std::string count_of(int count, std::string_view thing) {
  return fmt::format("{} {}{}", count, thing, count == 1 ? "" : (thing.ends_with("h") ? "es" : "s"));
}

}  // namespace

void validate(const ScheduleRequest& request) {
  check_count("pipeline", request.num_ranks, "1 rank or more");
  check_count("micro_batches", request.num_micro_batches, "1 or more");
  check_count("chunks", request.chunks, "1 stage a rank or more");
  check_count("pipeline_pairs", request.pipeline_pairs, "1 pipeline in each direction or more");
  const int64_t forwards = int64_t{request.num_ranks} * request.num_micro_batches;
  if (forwards > most_forwards / request.chunks) {
    throw_user(
        "pipeline = {} x micro_batches = {} x chunks = {} is more work than a schedule can be made for: expected "
        "at most {}",
        request.num_ranks, request.num_micro_batches, request.chunks, most_forwards);
  }
  if (request.micro_batches_per_update < 0) {
    throw_user("micro_batches_per_update = {}: expected 0 or more", request.micro_batches_per_update);
  }
  check_number("memory_limit", request.memory_limit);
  if (request.stage_costs.times.empty()) {
    check_number("T_c", request.transfer);
    check_number("after_backward", request.memory.after_backward);
    return check_times("", request.times);
  }
  check_number("T_c", request.stage_costs.transfer);
  for (size_t stage = 0; stage < request.stage_costs.times.size(); ++stage) {
    check_times(fmt::format("stage {}: ", stage), request.stage_costs.times[stage]);
  }
}

std::string to_string(const SearchFacts& facts, double cost) {
  const std::string published = facts.best_published > 0
                                    ? fmt::format("the best published within the limit is {:.6g}", facts.best_published)
                                    : "no published one keeps to the limit";
  return fmt::format("at most {:.1f} % above the best there can be (lower bound {:.6g}); {}",
                     100 * std::max(0.0, cost / facts.lower_bound - 1), facts.lower_bound, published);
}

ScheduleReport report_on_schedule(std::string_view name, const ScheduleRequest& request) {
  validate(request);
  const ScheduleGenerator& generator = find_schedule(name);
  ScheduleReport report{request, {}, {}, {}};
  if (generator.make == make_searched) {
    SearchResult found = search_schedule(request);
    report.schedule = std::move(found.schedule);
    report.search = SearchFacts{found.lower_bound, found.best_published};
  } else {
    report.schedule = generator.make(request);
  }
  report.facts = verify(report.schedule);
  report.simulation = simulate(report.schedule, costs_of(request, report.schedule.num_stages()));
  return report;
}

std::string title_of(const Schedule& schedule) {
  const int parts = schedule.parts_per_micro_batch;
  return fmt::format("{}, {}, {}", schedule.name, count_of(schedule.num_ranks(), "rank"),
                     count_of(schedule.num_micro_batches() / parts, "micro-batch")) +
         (parts > 1 ? fmt::format(" in {} parts each", parts) : "");
}

Timeline timeline_of(const ScheduleReport& report) {
  return {title_of(report.schedule), report.schedule, report.simulation.times};
}

std::string to_text(const ScheduleReport& report, int most_ranks) {
  const Schedule& schedule = report.schedule;
  std::string text =
      fmt::format("{}, {} a rank\nbubble rate {:.4f}, cost {:.6g}\n", title_of(schedule),
                  count_of(stages_per_rank(schedule), "stage"), report.simulation.bubble_rate, report.simulation.cost);
  if (!schedule.is_synchronous()) {
    text += fmt::format("asynchronous: weights are updated within the schedule, after every {}\n",
                        count_of(schedule.micro_batches_per_update, "micro-batch"));
  }
  if (report.search) text += to_string(*report.search, report.simulation.cost) + "\n";
  text += fmt::format("{:>6} {:>12} {:>17} {:>12} {:>16}\n", "rank", "busy", "peak activations", "peak memory",
                      "weight versions");
  const int shown = std::min(schedule.num_ranks(), most_ranks);
  for (int rank = 0; rank < shown; ++rank) {
    const auto index = static_cast<size_t>(rank);
    text += fmt::format("{:>6} {:>12.6g} {:>17.4g} {:>12.4g} {:>16}\n", rank, report.simulation.busy[index],
                        report.facts.peak_activations[index], report.simulation.peak_memory[index],
                        report.facts.weight_versions[index]);
  }
  if (shown < schedule.num_ranks()) {
    text += fmt::format("{} of {} ranks are shown (--rows)\n", shown, schedule.num_ranks());
  }
  return text;
}

std::string to_json(const ScheduleReport& report, bool with_actions) {
  const Schedule& schedule = report.schedule;
  nlohmann::ordered_json json = request_json(schedule.name, report.request);
  json["stages"] = schedule.num_stages();
  json["stages_per_rank"] = stages_per_rank(schedule);
  json["parts_per_micro_batch"] = schedule.parts_per_micro_batch;
  json["synchronous"] = schedule.is_synchronous();
  json["bubble_rate"] = report.simulation.bubble_rate;
  json["cost"] = report.simulation.cost;
  if (report.search) {
    json["lower_bound"] = report.search->lower_bound;
    json["best_published"] = report.search->best_published;
  }
  json["busy"] = report.simulation.busy;
  json["peak_activations"] = report.facts.peak_activations;
  json["peak_memory"] = report.simulation.peak_memory;
  json["weight_versions"] = report.facts.weight_versions;
  if (with_actions) {
    json["form"] = form_json(schedule);
    json["ranks"] = actions_json(schedule, report.simulation.times);
  }
  return json.dump();
}

}  // namespace kumiko
