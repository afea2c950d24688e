#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "kumiko/base/error.h"
#include "kumiko/schedule/verify.h"

namespace kumiko {
namespace {

constexpr auto F = ActionKind::forward;
constexpr auto B = ActionKind::backward;
constexpr auto W = ActionKind::weight;
constexpr auto BW = ActionKind::whole_backward;

// On one rank, weights updated after so many micro-batches.
Schedule alone(int micro_batches_per_update, int num_micro_batches, std::vector<Action> actions) {
  Schedule schedule = empty_schedule("test", StagePlacement::interleaved(1), num_micro_batches);
  schedule.micro_batches_per_update = micro_batches_per_update;
  schedule.actions[0] = std::move(actions);
  return schedule;
}

std::string refusal(const Schedule& schedule) {
  try {
    verify(schedule);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    return error.what();
  }
  return "accepted";
}

TEST(VerifyVersions, NotYetMade) {
  EXPECT_EQ(refusal(alone(1, 2, {{F, 0, 0, 0}, {F, 0, 1, 1}, {BW, 0, 0, 0}, {BW, 0, 1, 1}})),
            "schedule test: rank 0, place 1: F of micro-batch 1 at stage 0 with weights of version 1: these weights do "
            "not exist yet: version 0 is the newest");
  EXPECT_EQ(refusal(alone(1, 2, {{F, 0, 0, 0}, {BW, 0, 0, 0}, {F, 0, 1, 1}, {BW, 0, 1, 1}})), "accepted");
  // B alone does not update.
  EXPECT_EQ(refusal(alone(1, 2, {{F, 0, 0, 0}, {B, 0, 0, 0}, {F, 0, 1, 1}, {W, 0, 0, 0}, {BW, 0, 1, 1}})),
            "schedule test: rank 0, place 2: F of micro-batch 1 at stage 0 with weights of version 1: these weights do "
            "not exist yet: version 0 is the newest");
}

TEST(VerifyVersions, OfASynchronousScheduleIsZero) {
  EXPECT_EQ(refusal(alone(0, 2, {{F, 0, 0}, {BW, 0, 0}, {F, 0, 1, 1}, {BW, 0, 1, 1}})),
            "schedule test: rank 0, place 2: F of micro-batch 1 at stage 0 with weights of version 1: these weights do "
            "not exist yet: version 0 is the newest");
}

TEST(VerifyVersions, BelowZero) {
  EXPECT_EQ(refusal(alone(1, 1, {{F, 0, 0, -1}, {BW, 0, 0, -1}})),
            "schedule test: rank 0, place 0: F of micro-batch 0 at stage 0 with weights of version -1: version numbers "
            "begin with 0");
}

TEST(VerifyVersions, BackwardReadsThoseOfItsForward) {
  EXPECT_EQ(refusal(alone(1, 2, {{F, 0, 0}, {F, 0, 1}, {BW, 0, 0}, {BW, 0, 1, 1}})),
            "schedule test: rank 0, place 3: BW of micro-batch 1 at stage 0 with weights of version 1: its F read "
            "version 0");
  EXPECT_EQ(refusal(alone(1, 2, {{F, 0, 0}, {BW, 0, 0}, {F, 0, 1, 1}, {B, 0, 1, 1}, {W, 0, 1, 0}})),
            "schedule test: rank 0, place 4: W of micro-batch 1 at stage 0: its F read version 1");
}

TEST(VerifyVersions, UpdatesInTheOrderOfMicroBatches) {
  EXPECT_EQ(refusal(alone(1, 2, {{F, 0, 0}, {F, 0, 1}, {BW, 0, 1}, {BW, 0, 0}})),
            "schedule test: rank 0, place 2: BW of micro-batch 1 at stage 0: it completes update 2, but update 1 is "
            "the next");
  EXPECT_EQ(refusal(alone(2, 2, {{F, 0, 0}, {F, 0, 1}, {BW, 0, 1}, {BW, 0, 0}})), "accepted");
}

TEST(VerifyVersions, NeedOneRoute) {
  Schedule schedule = empty_schedule("test", StagePlacement::bidirectional(2), 1);
  schedule.micro_batches_per_update = 1;
  EXPECT_EQ(refusal(schedule), "schedule test: 2 routes, but weights that are updated on the way need one");
  schedule.micro_batches_per_update = -1;
  EXPECT_EQ(refusal(schedule), "schedule test: -1 micro-batches per update");
}

TEST(VerifyVersions, CountsThoseStillToBeRead) {
  // Version 0 is read up to the end, 1 by micro-batch 2 and 2 by none: after the third update 0 and 3 are there.
  EXPECT_EQ(
      verify(alone(1, 4,
                   {{F, 0, 0}, {F, 0, 3}, {BW, 0, 0}, {F, 0, 1}, {F, 0, 2, 1}, {BW, 0, 1}, {BW, 0, 2, 1}, {BW, 0, 3}}))
          .weight_versions,
      std::vector<int>{3});
  EXPECT_EQ(verify(alone(1, 3, {{F, 0, 0}, {BW, 0, 0}, {F, 0, 1, 1}, {BW, 0, 1, 1}, {F, 0, 2, 2}, {BW, 0, 2, 2}}))
                .weight_versions,
            std::vector<int>{1});
  // A version is kept from its making, though it is first read later.
  EXPECT_EQ(
      verify(alone(1, 3, {{F, 0, 0}, {BW, 0, 0}, {F, 0, 1}, {BW, 0, 1}, {F, 0, 2, 1}, {BW, 0, 2, 1}})).weight_versions,
      std::vector<int>{2});
}

}  // namespace
}  // namespace kumiko
