// What a person sees, and how the job ends, when ranks do not meet: one is stopped, late, or calls something else.
// Three ranks, of which rank 1 is the odd one; operations are overdue after 1.5 s.
#include <gtest/gtest.h>

#include "support/subprocess.h"

namespace kumiko {
namespace {

class Hang : public testing::Test {
 protected:
  // `how`: see failing_rank.cpp.
  void run(const std::string& how, bool check = false) {
    std::vector<std::string> command = {KUMIKO_MPIRUN, "3", KUMIKO_FAILING_RANK, how};
    if (check) command.emplace_back("--check");
    job = test::run_program(command, 200);
    EXPECT_FALSE(job.timed_out) << "the job hung:\n" << job.output;
  }
  bool says(const std::string& text) const { return job.output.find(text) != std::string::npos; }

  test::Finished job;
};

TEST_F(Hang, AStoppedRankIsNamedByEachThatWaits) {
  run("stops");
  EXPECT_EQ(job.exit_code, 3) << job.output;
  for (const char* rank : {"0", "2"}) {
    EXPECT_TRUE(says("[rank " + std::string(rank) +
                     "] error: environment: all_reduce 3 (gradients) of 4096 f32 by sum on the data axis has not "
                     "completed in "))
        << job.output;
  }
  EXPECT_TRUE(says("\n  arrived: ranks 0, 2\n  rank 1 (pid ")) << job.output;
  EXPECT_TRUE(says("does not answer within 2 s: it is stopped, swapping or dead")) << job.output;
  EXPECT_TRUE(says("raise parallel.distributed_timeout_minutes = 0.025 (0: never)")) << job.output;
}

TEST_F(Hang, ASkippedCollectiveIsSeenByWhatTheRankDidLast) {
  run("skips");
  EXPECT_EQ(job.exit_code, 3) << job.output;
  EXPECT_TRUE(says("all_reduce 2 (gradients) of 4096 f32 by sum on the data axis has not completed in ")) << job.output;
  EXPECT_TRUE(says(") has not arrived: outside a step; in barrier 0 (finish) on the data axis for ")) << job.output;
  EXPECT_TRUE(says("; barrier 1 (test) on the data axis completed ")) << job.output;
}

TEST_F(Hang, ARankThatDoesNotArriveTellsWhereItIs) {
  run("starts late");
  EXPECT_EQ(job.exit_code, 3) << job.output;
  EXPECT_TRUE(says("barrier 0 (new communicator) on the data axis has not completed in ")) << job.output;
  EXPECT_TRUE(says(") has not arrived: outside a step")) << job.output;
  EXPECT_TRUE(says("[rank 1] error: environment: rank ")) << job.output;
  EXPECT_TRUE(says(" reports a hang; this rank waits for nothing: outside a step")) << job.output;
}

TEST_F(Hang, WorkThatTakesLongIsWaitedFor) {
  run("works long");
  EXPECT_EQ(job.exit_code, 0) << job.output;
  EXPECT_TRUE(
      says("[rank 0] warning: all_reduce 3 (gradients) of 4096 f32 by sum on the data axis has not completed "
           "in "))
      << job.output;
  EXPECT_TRUE(says("but rank 1 is at work (rank 1: step 3, saving a checkpoint for ")) << job.output;
  EXPECT_FALSE(says("[rank 2] warning")) << "one of those that wait is enough:\n" << job.output;
}

TEST_F(Hang, AnotherOperationIsNamedWhenTheTimeIsOver) {
  run("other root");
  EXPECT_EQ(job.exit_code, 3) << job.output;
  EXPECT_TRUE(
      says(") is in another operation, which does not match: broadcast 3 (weights) of 262144 f32 from rank 2 on "
           "the data axis"))
      << job.output;
  EXPECT_TRUE(says(") has completed it: step 3, forward: mlp for ")) << job.output;
  EXPECT_TRUE(says("this is a bug; please report it. parallel.check_communication = true finds it")) << job.output;
}

TEST_F(Hang, AnotherSizeNeverGivesAWrongSum) {
  for (const char* how : {"larger", "smaller"}) {
    run(how);
    EXPECT_EQ(job.exit_code, 4) << how << "\n" << job.output;
    EXPECT_TRUE(says("internal (please report it): all_reduce 3 (gradients) on the data axis: a ")) << job.output;
  }
}

// MPI itself does not mind.
TEST_F(Hang, AMessageTooShortIsNotTakenForWhole) {
  run("expects more");
  EXPECT_EQ(job.exit_code, 4) << job.output;
  EXPECT_TRUE(
      says("[rank 1] error: internal (please report it): broadcast 3 (gradients) on the data axis: a message of "
           "16384 bytes came where 20000 were expected: another rank calls another operation"))
      << job.output;
}

TEST_F(Hang, CheckingModeNamesBothSidesAtOnce) {
  struct Case {
    const char* how;
    const char* what;
  };
  for (const auto& [how, what] : {
           Case{"other verb", "broadcast 3 (gradients) of 4096 f32 from rank 0 on the data axis"},
           Case{"other type", "all_reduce 3 (gradients) of 2048 f64 by sum on the data axis"},
           Case{"larger", "all_reduce 3 (gradients) of 5000 f32 by sum on the data axis"},
       }) {
    run(how, true);
    EXPECT_EQ(job.exit_code, 4) << how << "\n" << job.output;
    EXPECT_TRUE(says("internal (please report it): the ranks of the data axis call different operations: rank "))
        << job.output;
    EXPECT_TRUE(says("rank 1: " + std::string(what))) << job.output;
    EXPECT_TRUE(says(": all_reduce 3 (gradients) of 4096 f32 by sum on the data axis")) << job.output;
  }
  run("other message", true);
  EXPECT_EQ(job.exit_code, 4) << job.output;
  EXPECT_TRUE(
      says("[rank 1] error: internal (please report it): the ranks of the data axis call different operations: "
           "rank 1: receive 1 (activations) of 100 f32 from rank 0 on the data axis; rank 0: send 1 "
           "(activations) of 200 f32 to rank 1 on the data axis"))
      << job.output;
}

TEST_F(Hang, CheckingModeLetsTheRightProgramThrough) {
  run("is late", true);
  EXPECT_EQ(job.exit_code, 0) << job.output;
  EXPECT_EQ(job.output, "");
}

}  // namespace
}  // namespace kumiko
