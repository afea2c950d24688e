#include "kumiko/schedule/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/schedule/check_messages.h"
#include "kumiko/schedule/generators.h"

namespace kumiko {
namespace {

constexpr auto F = ActionKind::forward;
constexpr auto B = ActionKind::backward;
constexpr auto W = ActionKind::weight;
constexpr auto BW = ActionKind::whole_backward;

Schedule one_forward_one_backward(int num_ranks, int num_micro_batches) {
  ScheduleRequest request;
  request.num_ranks = num_ranks;
  request.num_micro_batches = num_micro_batches;
  return make_one_forward_one_backward(request);
}

Schedule with_actions(StagePlacement placement, std::vector<int32_t> routes, std::vector<std::vector<Action>> actions) {
  Schedule schedule = empty_schedule("test", std::move(placement), static_cast<int>(routes.size()));
  schedule.routes = std::move(routes);
  schedule.actions = std::move(actions);
  return schedule;
}

// On one rank.
Schedule alone(int num_micro_batches, std::vector<Action> actions) {
  return with_actions(StagePlacement::interleaved(1), std::vector<int32_t>(static_cast<size_t>(num_micro_batches)),
                      {std::move(actions)});
}

// What verify() says; it must be an internal error.
std::string refusal(const Schedule& schedule) {
  try {
    verify(schedule);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    return error.what();
  }
  return "accepted";
}

TEST(Verify, ForwardMissing) {
  Schedule schedule = one_forward_one_backward(2, 3);
  std::erase(schedule.actions[1], Action{F, 1, 1});
  EXPECT_EQ(refusal(schedule), "schedule 1f1b: rank 1, place 2: BW of micro-batch 1 at stage 1: its F has not run");
}

TEST(Verify, BackwardMissing) {
  Schedule schedule = one_forward_one_backward(2, 3);
  std::erase(schedule.actions[0], Action{BW, 0, 2});
  EXPECT_EQ(refusal(schedule), "schedule 1f1b: rank 0, place 5 (the end): B of micro-batch 2 at stage 0 is missing");
}

TEST(Verify, EverythingOfAMicroBatchMissing) {
  EXPECT_EQ(refusal(alone(2, {{F, 0, 0}, {BW, 0, 0}})),
            "schedule test: rank 0, place 2 (the end): F of micro-batch 1 at stage 0 is missing");
}

TEST(Verify, WeightMissing) {
  EXPECT_EQ(refusal(alone(1, {{F, 0, 0}, {B, 0, 0}})),
            "schedule test: rank 0, place 2 (the end): W of micro-batch 0 at stage 0 is missing");
}

TEST(Verify, BackwardTwice) {
  EXPECT_EQ(refusal(alone(1, {{F, 0, 0}, {B, 0, 0}, {B, 0, 0}})),
            "schedule test: rank 0, place 2: B of micro-batch 0 at stage 0: it has run before");
  EXPECT_EQ(refusal(alone(1, {{F, 0, 0}, {B, 0, 0}, {BW, 0, 0}})),
            "schedule test: rank 0, place 2: BW of micro-batch 0 at stage 0: it has run before");
}

TEST(Verify, WeightBeforeItsBackward) {
  EXPECT_EQ(refusal(alone(1, {{F, 0, 0}, {W, 0, 0}, {B, 0, 0}})),
            "schedule test: rank 0, place 1: W of micro-batch 0 at stage 0: its B has not run");
}

TEST(Verify, ForwardAfterItsBackward) {
  EXPECT_EQ(refusal(alone(1, {{BW, 0, 0}, {F, 0, 0}})),
            "schedule test: rank 0, place 0: BW of micro-batch 0 at stage 0: its F has not run");
}

TEST(Verify, ActionOnAnotherRank) {
  Schedule schedule = one_forward_one_backward(2, 1);
  std::swap(schedule.actions[0], schedule.actions[1]);
  EXPECT_EQ(refusal(schedule),
            "schedule 1f1b: rank 0, place 0: F of micro-batch 0 at stage 1: rank 1 holds that stage for this "
            "micro-batch");
}

TEST(Verify, ActionOnTheRankOfAnotherRoute) {
  EXPECT_EQ(refusal(with_actions(StagePlacement::bidirectional(2), {1}, {{{F, 0, 0}}, {}})),
            "schedule test: rank 0, place 0: F of micro-batch 0 at stage 0: rank 1 holds that stage for this "
            "micro-batch");
}

TEST(Verify, UnknownStageMicroBatchAndKind) {
  EXPECT_EQ(refusal(alone(1, {{F, 1, 0}})),
            "schedule test: rank 0, place 0: F of micro-batch 0 at stage 1: there is no such stage: expected 0 to 0");
  EXPECT_EQ(refusal(alone(1, {{F, -1, 0}})),
            "schedule test: rank 0, place 0: F of micro-batch 0 at stage -1: there is no such stage: expected 0 to 0");
  EXPECT_EQ(refusal(alone(2, {{F, 0, 2}})),
            "schedule test: rank 0, place 0: F of micro-batch 2 at stage 0: there is no such micro-batch: expected 0 "
            "to 1");
  EXPECT_EQ(refusal(alone(2, {{F, 0, -1}})),
            "schedule test: rank 0, place 0: F of micro-batch -1 at stage 0: there is no such micro-batch: expected 0 "
            "to 1");
  EXPECT_EQ(refusal(alone(1, {{static_cast<ActionKind>(9), 0, 0}})),
            "schedule test: rank 0, place 0: unknown of micro-batch 0 at stage 0: there is no such kind of action");
}

TEST(Verify, ListsAndRoutesThatDoNotFit) {
  Schedule schedule = one_forward_one_backward(3, 1);
  schedule.actions.pop_back();
  EXPECT_EQ(refusal(schedule), "schedule 1f1b: 2 lists of actions for 3 ranks");
  schedule = one_forward_one_backward(3, 2);
  schedule.routes[1] = 1;
  EXPECT_EQ(refusal(schedule), "schedule 1f1b: micro-batch 1 takes route 1 of 1");
}

TEST(Verify, StagesOfOneRankOutOfOrder) {
  const Schedule schedule =
      with_actions(StagePlacement::interleaved(1, 2), {0}, {{{F, 1, 0}, {F, 0, 0}, {BW, 1, 0}, {BW, 0, 0}}});
  EXPECT_EQ(refusal(schedule),
            "schedule test: rank 0, place 0: F of micro-batch 0 at stage 1: it needs F at stage 0, which has not run "
            "and is this rank's");
  EXPECT_EQ(
      refusal(with_actions(StagePlacement::interleaved(1, 2), {0}, {{{F, 0, 0}, {F, 1, 0}, {BW, 0, 0}, {BW, 1, 0}}})),
      "schedule test: rank 0, place 2: BW of micro-batch 0 at stage 0: it needs B at stage 1, which has not run "
      "and is this rank's");
}

TEST(Verify, RanksThatWaitForOneAnother) {
  // Rank 0 wants the gradient of micro-batch 0 before it begins micro-batch 1, rank 1 wants both.
  const Schedule schedule =
      with_actions(StagePlacement::interleaved(2), {0, 0},
                   {{{F, 0, 0}, {BW, 0, 0}, {F, 0, 1}, {BW, 0, 1}}, {{F, 1, 0}, {F, 1, 1}, {BW, 1, 0}, {BW, 1, 1}}});
  EXPECT_EQ(refusal(schedule),
            "schedule test: rank 0, place 1: BW of micro-batch 0 at stage 0: deadlock: it waits for what rank 1 sends, "
            "which has come to place 1, F of micro-batch 1 at stage 1: it waits for what rank 0 sends");
}

// Rank 0 runs `ahead` micro-batches for rank 1 before the one that rank 2 needs, whose output rank 1 runs first.
Schedule sender_ahead(int32_t ahead) {
  const StagePlacement placement(3, {{0, 1, 2}, {0, 2, 1}});
  std::vector<int32_t> routes(static_cast<size_t>(ahead));
  routes.push_back(1);
  std::vector<std::vector<Action>> actions(3);
  for (int32_t n = 0; n < ahead; ++n) actions[0].push_back({F, 0, n});
  actions[0].push_back({F, 0, ahead});
  actions[2] = {{F, 1, ahead}};
  actions[1] = {{F, 2, ahead}, {BW, 2, ahead}};
  actions[2].push_back({BW, 1, ahead});
  actions[0].push_back({BW, 0, ahead});
  for (int32_t n = 0; n < ahead; ++n) {
    actions[1].push_back({F, 1, n});
    actions[2].insert(actions[2].end(), {{F, 2, n}, {BW, 2, n}});
    actions[1].push_back({BW, 1, n});
    actions[0].push_back({BW, 0, n});
  }
  return with_actions(placement, std::move(routes), std::move(actions));
}

TEST(Verify, DeadlockOfBoundedBuffersAlone) {
  EXPECT_EQ(refusal(sender_ahead(usual_message_buffers)), "accepted");
  EXPECT_EQ(refusal(sender_ahead(usual_message_buffers + 1)),
            "schedule test: rank 0, place 2: F of micro-batch 2 at stage 0: deadlock: what it made waits until rank 1 "
            "takes one of the 2 messages before it, which has come to place 0, F of micro-batch 3 at stage 2: it waits "
            "for what rank 2 sends");
}

TEST(Verify, ScheduleMayAskForMoreBuffers) {
  Schedule schedule = sender_ahead(5);
  fit_message_buffers(schedule);
  EXPECT_EQ(schedule.message_buffers, 8);
  EXPECT_EQ(refusal(schedule), "accepted");
  schedule.message_buffers = 4;
  EXPECT_NE(refusal(schedule), "accepted");
  schedule.message_buffers = 0;
  EXPECT_EQ(refusal(schedule), "schedule test: 0 message buffers: expected 1 or more");
  schedule = sender_ahead(1);
  fit_message_buffers(schedule);
  EXPECT_EQ(schedule.message_buffers, usual_message_buffers);
}

TEST(Verify, MessagesTakenInAnotherOrderAreHeld) {
  // Of five messages, rank 1 takes the last first.
  constexpr int32_t num_micro_batches = 5;
  std::vector<std::vector<Action>> actions(2);
  for (int32_t n = 0; n < num_micro_batches; ++n) {
    actions[0].push_back({F, 0, n});
    actions[1].insert(actions[1].end(), {{F, 1, num_micro_batches - 1 - n}, {BW, 1, num_micro_batches - 1 - n}});
  }
  for (int32_t n = 0; n < num_micro_batches; ++n) actions[0].push_back({BW, 0, n});
  EXPECT_EQ(refusal(with_actions(StagePlacement::interleaved(2), {0, 0, 0, 0, 0}, std::move(actions))), "accepted");
}

TEST(Verify, ActivationsAreHeldUntilWeight) {
  const ScheduleFacts facts =
      verify(alone(3, {{F, 0, 0}, {B, 0, 0}, {F, 0, 1}, {B, 0, 1}, {F, 0, 2}, {W, 0, 0}, {BW, 0, 2}, {W, 0, 1}}));
  EXPECT_EQ(facts.peak_activations, std::vector<double>{3});
  EXPECT_EQ(facts.weight_versions, std::vector<int>{1});
}

TEST(Verify, PartsOfAMicroBatchCountAsParts) {
  Schedule schedule = one_forward_one_backward(2, 4);
  schedule.parts_per_micro_batch = 2;
  EXPECT_EQ(verify(schedule).peak_activations, (std::vector<double>{1, 0.5}));
}

}  // namespace
}  // namespace kumiko
