#include "kumiko/schedule/lower.h"

#include <gtest/gtest.h>

#include <ostream>
#include <utility>

#include "kumiko/schedule/generators.h"

namespace kumiko {

std::ostream& operator<<(std::ostream& out, const Message& message) {
  return out << (message.kind == MessageKind::activation ? "activation" : "gradient") << " of micro-batch "
             << message.micro_batch << " for stage " << message.stage << ", peer " << message.peer << ", action "
             << message.action;
}

namespace {

constexpr auto F = ActionKind::forward;
constexpr auto B = ActionKind::backward;
constexpr auto W = ActionKind::weight;
constexpr auto BW = ActionKind::whole_backward;
constexpr auto activation = MessageKind::activation;
constexpr auto gradient = MessageKind::gradient;

TEST(Lower, OneForwardOneBackward) {
  ScheduleRequest request;
  request.num_ranks = 3;
  request.num_micro_batches = 3;
  const RankProgram program = lower(make_one_forward_one_backward(request), 1);
  EXPECT_EQ(program.actions,
            (std::vector<Action>{{F, 1, 0}, {F, 1, 1}, {BW, 1, 0}, {F, 1, 2}, {BW, 1, 1}, {BW, 1, 2}}));
  EXPECT_EQ(program.sends, (std::vector<Message>{{activation, 2, 0, 2, 0},
                                                 {activation, 2, 1, 2, 1},
                                                 {gradient, 0, 0, 0, 2},
                                                 {activation, 2, 2, 2, 3},
                                                 {gradient, 0, 1, 0, 4},
                                                 {gradient, 0, 2, 0, 5}}));
  EXPECT_EQ(program.receives, (std::vector<Message>{{activation, 1, 0, 0, 0},
                                                    {activation, 1, 1, 0, 1},
                                                    {gradient, 1, 0, 2, 2},
                                                    {activation, 1, 2, 0, 3},
                                                    {gradient, 1, 1, 2, 4},
                                                    {gradient, 1, 2, 2, 5}}));
  EXPECT_EQ(program.completes_gradients, (std::vector<bool>{false, false, false, false, false, true}));
}

TEST(Lower, NothingIsSentWithinARank) {
  Schedule schedule = empty_schedule("test", StagePlacement::v_shaped(2), 1);
  schedule.actions = {{{F, 0, 0}, {F, 3, 0}, {B, 3, 0}, {B, 0, 0}, {W, 3, 0}, {W, 0, 0}},
                      {{F, 1, 0}, {F, 2, 0}, {BW, 2, 0}, {BW, 1, 0}}};
  const RankProgram turn = lower(schedule, 1);
  EXPECT_EQ(turn.sends, (std::vector<Message>{{activation, 3, 0, 0, 1}, {gradient, 0, 0, 0, 3}}));
  EXPECT_EQ(turn.receives, (std::vector<Message>{{activation, 1, 0, 0, 0}, {gradient, 2, 0, 0, 2}}));
  EXPECT_EQ(turn.completes_gradients, (std::vector<bool>{false, false, true, true}));
  EXPECT_EQ(lower(schedule, 0).completes_gradients, (std::vector<bool>{false, false, false, false, true, true}));
}

TEST(Lower, ReceivesAreInTheOrderOfSendingAndNoLaterThanNeeded) {
  // Rank 0 sends micro-batches 0, 1, 2; rank 1 runs 2, 0, 1 and, between, one that comes the other way.
  Schedule schedule = empty_schedule("test", StagePlacement(3, {{0, 1, 2}, {2, 1, 0}}), 4);
  schedule.routes = {0, 0, 0, 1};
  schedule.actions[0] = {{F, 0, 0}, {F, 0, 1}, {F, 0, 2}};
  schedule.actions[1] = {{F, 1, 2}, {F, 1, 3}, {F, 1, 0}, {F, 1, 1}};
  schedule.actions[2] = {{F, 0, 3}};
  EXPECT_EQ(
      lower(schedule, 1).receives,
      (std::vector<Message>{
          {activation, 1, 0, 0, 2}, {activation, 1, 1, 0, 3}, {activation, 1, 2, 0, 0}, {activation, 1, 3, 2, 1}}));
}

TEST(Lower, AStageOfTwoDirectionsIsCompleteOnce) {
  Schedule schedule = empty_schedule("test", StagePlacement(1, {{0, 0}, {0, 0}}), 2);
  schedule.routes = {0, 1};
  schedule.actions[0] = {{F, 0, 0}, {F, 1, 0}, {BW, 1, 0}, {BW, 0, 0}, {F, 0, 1}, {F, 1, 1}, {BW, 1, 1}, {BW, 0, 1}};
  EXPECT_EQ(lower(schedule, 0).completes_gradients,
            (std::vector<bool>{false, false, false, false, false, false, true, true}));
}

TEST(Lower, GradientsAreCompleteAtEachUpdate) {
  ScheduleRequest request;
  request.num_ranks = 2;
  request.num_micro_batches = 5;
  // F F BW F BW F BW F BW BW
  const auto completions = [&](Schedule (*make)(const ScheduleRequest&)) {
    return lower(make(request), 0).completes_gradients;
  };
  EXPECT_EQ(completions(make_pipedream),
            (std::vector<bool>{false, false, true, false, true, false, true, false, true, true}));
  EXPECT_EQ(completions(make_pipedream_2bw),
            (std::vector<bool>{false, false, false, false, true, false, false, false, true, true}));
}

}  // namespace
}  // namespace kumiko
