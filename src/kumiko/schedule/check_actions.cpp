#include "kumiko/schedule/check_actions.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kumiko/base/error.h"
#include "kumiko/schedule/dependencies.h"
#include "kumiko/schedule/weight_versions.h"

namespace kumiko {
namespace {

enum Ran : uint8_t { forward_ran = 1, backward_ran = 2, weight_ran = 4, all_ran = 7 };

// What an action does, in bits of Ran; 0 for a kind that does not exist.
uint8_t work_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::forward:
      return forward_ran;
    case ActionKind::backward:
      return backward_ran;
    case ActionKind::weight:
      return weight_ran;
    case ActionKind::whole_backward:
      return backward_ran | weight_ran;
  }
  return 0;
}

class RankCheck {
 public:
  RankCheck(const Schedule& schedule, int rank)
      : schedule_(schedule),
        rank_(rank),
        actions_(schedule.actions[static_cast<size_t>(rank)]),
        stages_(schedule.placement.stages_of(rank)),
        slots_(static_cast<size_t>(schedule.num_stages())),
        ran_(stages_.size() * static_cast<size_t>(schedule.num_micro_batches())),
        versions_(schedule, stages_.size()) {
    for (size_t slot = 0; slot < stages_.size(); ++slot) slots_[static_cast<size_t>(stages_[slot])] = slot;
  }

  RankFacts run() {
    for (place_ = 0; place_ < actions_.size(); ++place_) {
      const Action& action = actions_[place_];
      check_place(action);
      check_order(action);
      const std::string wrong = versions_.run(action, slots_[static_cast<size_t>(action.stage)]);
      if (!wrong.empty()) fail(wrong);
      ran(action.stage, action.micro_batch) |= work_of(action.kind);
      count_activations(action.kind);
    }
    check_complete();
    const int parts = schedule_.num_stages() * schedule_.parts_per_micro_batch;
    return {static_cast<double>(peak_) * schedule_.num_ranks() / parts, versions_.most()};
  }

 private:
  [[noreturn]] void fail(std::string_view why) const { throw_broken(schedule_, rank_, place_, why); }

  uint8_t& ran(int stage, int micro_batch) {
    return ran_[slots_[static_cast<size_t>(stage)] * schedule_.routes.size() + static_cast<size_t>(micro_batch)];
  }

  void check_place(const Action& action) const {
    if (work_of(action.kind) == 0) fail("there is no such kind of action");
    if (action.stage < 0 || action.stage >= schedule_.num_stages())
      fail(fmt::format("there is no such stage: expected 0 to {}", schedule_.num_stages() - 1));
    if (action.micro_batch < 0 || action.micro_batch >= schedule_.num_micro_batches())
      fail(fmt::format("there is no such micro-batch: expected 0 to {}", schedule_.num_micro_batches() - 1));
    const int rank = schedule_.rank_of(action.stage, action.micro_batch);
    if (rank != rank_) fail(fmt::format("rank {} holds that stage for this micro-batch", rank));
  }

  void check_order(const Action& action) {
    const uint8_t work = work_of(action.kind);
    const uint8_t before = ran(action.stage, action.micro_batch);
    if ((before & work) != 0) fail("it has run before");
    if (action.kind != ActionKind::forward && (before & forward_ran) == 0) fail("its F has not run");
    if (action.kind == ActionKind::weight && (before & backward_ran) == 0) fail("its B has not run");
    const int stage = input_stage(action, schedule_.num_stages());
    if (stage == no_stage || schedule_.rank_of(stage, action.micro_batch) != rank_) return;
    const uint8_t needed = action.kind == ActionKind::forward ? forward_ran : backward_ran;
    if ((ran(stage, action.micro_batch) & needed) == 0)
      fail(fmt::format("it needs {} at stage {}, which has not run and is this rank's",
                       action.kind == ActionKind::forward ? "F" : "B", stage));
  }

  void count_activations(ActionKind kind) {
    if (kind == ActionKind::forward) peak_ = std::max(peak_, ++held_);
    if (makes_weight_gradient(kind)) --held_;
  }

  void check_complete() {
    for (const int stage : stages_) {
      for (int n = 0; n < schedule_.num_micro_batches(); ++n) {
        if (schedule_.rank_of(stage, n) != rank_ || ran(stage, n) == all_ran) continue;
        const uint8_t done = ran(stage, n);
        const char* missing = (done & forward_ran) == 0 ? "F" : (done & backward_ran) == 0 ? "B" : "W";
        throw_internal("schedule {}: rank {}, place {} (the end): {} of micro-batch {} at stage {} is missing",
                       schedule_.name, rank_, place_, missing, n, stage);
      }
    }
  }

  const Schedule& schedule_;
  int rank_;
  const std::vector<Action>& actions_;
  std::vector<int> stages_;
  std::vector<size_t> slots_;  // of each stage of this rank: its number in stages_
  std::vector<uint8_t> ran_;   // [slot][micro-batch], bits of Ran
  WeightVersions versions_;
  size_t place_ = 0;
  int held_ = 0;
  int peak_ = 0;
};

}  // namespace

RankFacts check_actions(const Schedule& schedule, int rank) { return RankCheck(schedule, rank).run(); }

void throw_broken(const Schedule& schedule, int rank, size_t place, std::string_view why) {
  throw_internal("schedule {}: rank {}, place {}: {}: {}", schedule.name, rank, place,
                 to_string(schedule.actions[static_cast<size_t>(rank)][place]), why);
}

}  // namespace kumiko
