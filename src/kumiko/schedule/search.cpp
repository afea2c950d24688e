#include "kumiko/schedule/search.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/base/random.h"
#include "kumiko/schedule/improve_order.h"
#include "kumiko/schedule/list_schedule.h"
#include "kumiko/schedule/lower_bound.h"
#include "kumiko/schedule/simulate.h"

namespace kumiko {
namespace {

constexpr size_t most_improved = 3;  // placements
constexpr double most_work = 5e7;    // actions run in trials on each
constexpr double most_trials = 50000;
constexpr double most_variations = 500;
constexpr double most_actions = 300000;  // of a schedule whose order is searched

struct Candidate {
  Schedule schedule;
  double cost = 0;
};

double num_actions(const Schedule& schedule) { return 3.0 * schedule.num_stages() * schedule.num_micro_batches(); }

class Search {
 public:
  explicit Search(ScheduleRequest request) : request_(std::move(request)) {
    if (request_.memory_limit == 0) request_.memory_limit = request_.num_ranks;
    if (request_.memory_limit < 1)
      throw_user("memory_limit = {}: expected at least 1, the activations of one micro-batch", request_.memory_limit);
  }

  SearchResult run() {
    for (const ScheduleGenerator& generator : schedule_generators()) {
      if (!generator.synchronous || generator.make == make_searched) continue;
      if (generator.make != make_interleaved) {
        start_from(generator, request_);
        continue;
      }
      std::vector<int> chunks = {2, 3, 4};
      if (request_.chunks > 4) chunks.push_back(request_.chunks);
      for (const int count : chunks) {
        ScheduleRequest request = request_;
        request.chunks = count;
        start_from(generator, request);
      }
    }
    improve();
    if (candidates_.empty())
      throw_user("costs of {} stages: no schedule has so many on {} pipeline ranks; use a multiple of them",
                 request_.stage_costs.times.size(), request_.num_ranks);
    const Candidate& best = candidates_.front();
    SearchResult result{best.schedule, best.cost, lower_bound_, best_published_};
    result.schedule.name = "searched";
    return result;
  }

 private:
  // The published schedule, if its limits allow it, and others on the same placement.
  void start_from(const ScheduleGenerator& generator, const ScheduleRequest& request) {
    std::optional<Schedule> published;
    ScheduleCosts costs;
    try {
      published = generator.make(request);
      costs = costs_of(request, published->num_stages());
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::user) throw;
      return;  // not defined for this request
    }
    const std::vector<double> limits = memory_limits(published->placement, costs, request.memory_limit);
    const double bound = lower_bound(*published, costs, limits);
    lower_bound_ = lower_bound_ == 0 ? bound : std::min(lower_bound_, bound);
    const Simulation simulation = simulate(*published, costs);
    if (fits(simulation, limits)) {
      best_published_ = best_published_ == 0 ? simulation.cost : std::min(best_published_, simulation.cost);
      add({*published, simulation.cost});
      keep(split_backward(*published), costs, limits);
    }
    if (num_actions(*published) > most_actions) return;
    const auto rules = {WeightRule::fits, WeightRule::largest_bubble, WeightRule::always};
    for (const WeightRule rule : rules) keep(place_weights(*published, costs, limits, rule), costs, limits);
    Priorities priorities = begins(*published, simulation);
    for (int round = 0; round < 3; ++round) {
      const std::optional<Schedule> listed = list_schedule(*published, priorities, costs, limits);
      if (!listed) break;
      keep(listed, costs, limits);
      for (const WeightRule rule : rules) keep(place_weights(*listed, costs, limits, rule), costs, limits);
      priorities = begins(*listed, simulate(*listed, costs));
    }
    keep(list_schedule(*published, one_after_another(*published), costs, limits), costs, limits);
  }

  static bool fits(const Simulation& simulation, const std::vector<double>& limits) {
    for (size_t rank = 0; rank < limits.size(); ++rank) {
      if (simulation.peak_memory[rank] > limits[rank] * (1 + 1e-9)) return false;
    }
    return true;
  }

  void keep(const std::optional<Schedule>& schedule, const ScheduleCosts& costs, const std::vector<double>& limits) {
    if (!schedule) return;
    const Simulation simulation = simulate(*schedule, costs);
    if (fits(simulation, limits) && can_run(*schedule)) add({*schedule, simulation.cost});
  }

  // Of each placement the shortest stays.
  void add(Candidate candidate) {
    const auto is_alike = [&](const Candidate& other) {
      return other.schedule.num_stages() == candidate.schedule.num_stages() &&
             other.schedule.routes == candidate.schedule.routes &&
             other.schedule.rank_of(other.schedule.num_stages() - 1, 0) ==
                 candidate.schedule.rank_of(other.schedule.num_stages() - 1, 0);
    };
    const auto found = std::find_if(candidates_.begin(), candidates_.end(), is_alike);
    if (found == candidates_.end()) {
      candidates_.push_back(std::move(candidate));
    } else if (candidate.cost < found->cost) {
      *found = std::move(candidate);
    }
  }

  static Priorities empty_priorities(const Schedule& form) {
    const auto size = static_cast<size_t>(form.num_stages()) * static_cast<size_t>(form.num_micro_batches());
    return {std::vector<double>(size), std::vector<double>(size)};
  }

  static Priorities begins(const Schedule& schedule, const Simulation& simulation) {
    Priorities priorities = empty_priorities(schedule);
    for (size_t rank = 0; rank < schedule.actions.size(); ++rank) {
      for (size_t i = 0; i < schedule.actions[rank].size(); ++i) {
        const Action& action = schedule.actions[rank][i];
        if (action.kind == ActionKind::weight) continue;
        const bool forward = action.kind == ActionKind::forward;
        const size_t place =
            static_cast<size_t>(action.stage) * schedule.routes.size() + static_cast<size_t>(action.micro_batch);
        (forward ? priorities.forward : priorities.backward)[place] = simulation.times[rank][i].begin;
      }
    }
    return priorities;
  }

  // Fits any limit: each micro-batch has its turn when those before have been there and back.
  static Priorities one_after_another(const Schedule& form) {
    Priorities priorities = empty_priorities(form);
    const size_t count = form.routes.size();
    for (size_t place = 0; place < priorities.forward.size(); ++place) {
      priorities.forward[place] = static_cast<double>(2 * (place % count) + 1);
      priorities.backward[place] = priorities.forward[place] - 1;
    }
    return priorities;
  }

  // Lists the actions again with priorities that differ from the times of the best order so far: those of a stage all
  // by the same, or each by its own.
  void vary(const Candidate& start, const ScheduleCosts& costs, const std::vector<double>& limits) {
    const PhiloxKey key = random_key(0, RandomStream::sampling, 1);
    const double time = start.cost / start.schedule.num_micro_batches();
    const auto count = start.schedule.routes.size();
    Schedule best = start.schedule;
    double best_cost = start.cost;
    Priorities times = begins(best, simulate(best, costs));
    uint64_t drawn = 0;
    const int trials = static_cast<int>(std::min(most_variations, 0.1 * most_work / num_actions(best)));
    for (int trial = 0; trial < trials; ++trial) {
      const double by = time * std::array{0.1, 0.5, 2.0, 6.0}[static_cast<size_t>(trial) % 4];
      const bool of_stage = trial % 8 < 4;
      Priorities varied = times;
      for (std::vector<double>* const priorities : {&varied.forward, &varied.backward}) {
        for (size_t place = 0; place < priorities->size(); ++place) {
          const uint64_t index = drawn + (of_stage ? place / count : place);
          (*priorities)[place] += by * random_normal(key, index);
        }
        drawn += priorities->size();
      }
      std::optional<Schedule> listed = list_schedule(best, varied, costs, limits);
      if (listed)
        listed = place_weights(*listed, costs, limits, trial % 16 < 8 ? WeightRule::fits : WeightRule::largest_bubble);
      if (!listed) continue;
      const Simulation simulation = simulate(*listed, costs);
      if (simulation.cost >= best_cost || !can_run(*listed)) continue;
      best_cost = simulation.cost;
      best = *std::move(listed);
      times = begins(best, simulation);
    }
    keep(best, costs, limits);
  }

  void improve() {
    const auto sort = [this] {
      std::stable_sort(candidates_.begin(), candidates_.end(),
                       [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
    };
    sort();
    const size_t count = std::min(most_improved, candidates_.size());
    for (size_t i = 0; i < count; ++i) {
      Candidate candidate = candidates_[i];
      const double actions = num_actions(candidate.schedule);
      if (actions > most_actions || candidate.cost <= lower_bound_ * (1 + 1e-9)) continue;
      const ScheduleCosts costs = costs_of(request_, candidate.schedule.num_stages());
      const std::vector<double> limits = memory_limits(candidate.schedule.placement, costs, request_.memory_limit);
      vary(candidate, costs, limits);
      candidate = candidates_[i];
      const int trials = static_cast<int>(std::min(most_trials, most_work / actions));
      keep(improve_order(candidate.schedule, costs, limits, trials), costs, limits);
    }
    sort();
  }

  ScheduleRequest request_;
  std::vector<Candidate> candidates_;
  double lower_bound_ = 0;
  double best_published_ = 0;
};

}  // namespace

SearchResult search_schedule(const ScheduleRequest& request) { return Search(request).run(); }

}  // namespace kumiko
