#include "kumiko/schedule/warm_up.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "kumiko/schedule/dependencies.h"
#include "kumiko/schedule/generators.h"

namespace kumiko {
namespace {

Schedule make(std::string_view name, int num_ranks, int num_micro_batches) {
  ScheduleRequest request;
  request.num_ranks = num_ranks;
  request.num_micro_batches = num_micro_batches;
  request.chunks = name == "interleaved" ? 2 : 1;
  request.times = {1, 1, 1};
  return find_schedule(name).make(request);
}

TEST(WarmUp, IsWhatRanksDoBeforeTheirFirstBackward) {
  EXPECT_EQ(warm_up_lengths(make("1f1b", 4, 8)), (std::vector<size_t>{4, 3, 2, 0}));
  EXPECT_EQ(warm_up_lengths(make("gpipe", 3, 5)), (std::vector<size_t>{5, 5, 0}));
  EXPECT_EQ(warm_up_lengths(make("zb-h2", 3, 6)), (std::vector<size_t>{5, 3, 0}));
}

TEST(WarmUp, MarksTheMessagesThatItMakes) {
  const Schedule schedule = make("1f1b", 3, 4);
  const RankProgram program = lower(schedule, 1);
  const WarmUp warm_up = warm_up_of(schedule, 1, program);
  EXPECT_EQ(warm_up.num_actions, 2U);
  // Of the activations from rank 0, which has three F in its warm-up; no gradients.
  ASSERT_EQ(warm_up.receives.size(), program.receives.size());
  for (size_t i = 0; i < program.receives.size(); ++i) {
    const Message& message = program.receives[i];
    EXPECT_EQ(warm_up.receives[i], message.kind == MessageKind::activation && message.micro_batch < 3);
  }
}

// Two stages a rank, the first and the last on rank 0, which takes micro-batch 1 only after a backward.
TEST(WarmUp, NeedsNothingFromOutside) {
  constexpr auto F = ActionKind::forward;
  constexpr auto BW = ActionKind::whole_backward;
  Schedule schedule = empty_schedule("test", StagePlacement::v_shaped(2), 2);
  schedule.actions = {{{F, 0, 0}, {F, 3, 0}, {BW, 3, 0}, {F, 0, 1}, {F, 3, 1}, {BW, 3, 1}, {BW, 0, 0}, {BW, 0, 1}},
                      {{F, 1, 0}, {F, 2, 0}, {F, 1, 1}, {F, 2, 1}, {BW, 2, 0}, {BW, 1, 0}, {BW, 2, 1}, {BW, 1, 1}}};
  EXPECT_EQ(warm_up_lengths(schedule), (std::vector<size_t>{1, 2}));
}

// In every schedule: no gradient is touched, and what an action takes is made by a warm-up.
TEST(WarmUp, IsClosedInEverySchedule) {
  for (const ScheduleGenerator& generator : schedule_generators()) {
    if (!generator.synchronous) continue;
    for (const int num_ranks : {2, 4}) {
      SCOPED_TRACE(fmt::format("{} on {}", generator.name, num_ranks));
      const Schedule schedule = make(generator.name, num_ranks, 8);
      const std::vector<size_t> lengths = warm_up_lengths(schedule);
      EXPECT_GT(lengths[0], 0U);
      const auto is_in = [&](int stage, int micro_batch) {
        const int rank = schedule.rank_of(stage, micro_batch);
        const auto& actions = schedule.actions[static_cast<size_t>(rank)];
        const auto end = actions.begin() + static_cast<ptrdiff_t>(lengths[static_cast<size_t>(rank)]);
        return std::find_if(actions.begin(), end, [&](const Action& action) {
                 return action.stage == stage && action.micro_batch == micro_batch;
               }) != end;
      };
      for (size_t rank = 0; rank < lengths.size(); ++rank) {
        for (size_t i = 0; i < lengths[rank]; ++i) {
          const Action& action = schedule.actions[rank][i];
          EXPECT_EQ(action.kind, ActionKind::forward);
          EXPECT_LT(action.stage + 1, schedule.num_stages());
          if (action.stage == 0) continue;
          EXPECT_TRUE(is_in(action.stage - 1, action.micro_batch)) << to_string(action);
        }
      }
    }
  }
}

}  // namespace
}  // namespace kumiko
