// What a person sees, and how the job ends, when one rank of several fails.
#include <gtest/gtest.h>

#include "support/subprocess.h"

namespace kumiko {
namespace {

class FailingRank : public testing::Test {
 protected:
  // `how`: see failing_rank.cpp. The job needs a few seconds; on a machine with much else to do, patience.
  void run(const std::string& how) {
    job = test::run_program({KUMIKO_MPIRUN, "3", KUMIKO_FAILING_RANK, how}, 200);
    EXPECT_FALSE(job.timed_out) << "the job hung:\n" << job.output;
  }
  bool says(const std::string& text) const { return job.output.find(text) != std::string::npos; }

  test::Finished job;
};

TEST_F(FailingRank, KilledIsNamedByTheSurvivors) {
  run("is killed");
  EXPECT_NE(job.exit_code, 0);
  EXPECT_TRUE(says("[rank 0] error: rank 1 (pid ")) << job.output;
  EXPECT_TRUE(says(") died; stopping")) << job.output;
}

TEST_F(FailingRank, AnEndWithoutGoodbyeIsADeath) {
  run("exits");
  EXPECT_NE(job.exit_code, 0);
  EXPECT_TRUE(says("[rank 0] error: rank 1 (pid ")) << job.output;
}

TEST_F(FailingRank, AnErrorEndsEveryRankAndIsNamed) {
  run("throws");
  EXPECT_EQ(job.exit_code, 2) << job.output;
  EXPECT_TRUE(says("[rank 1] error: rank 1 cannot read its shard")) << job.output;
}

TEST_F(FailingRank, AnyExceptionEndsEveryRank) {
  run("throws something else");
  EXPECT_EQ(job.exit_code, 4) << job.output;
  EXPECT_TRUE(says("internal (please report it): index 7 of 3")) << job.output;
}

// That the other ranks leave the word to rank 0 is a matter of time, which a test cannot rely on.
TEST_F(FailingRank, AnErrorOfAllIsSaidByRank0) {
  run("throws everywhere");
  EXPECT_EQ(job.exit_code, 2) << job.output;
  EXPECT_TRUE(says("[rank 0] error: train.toml: line 3: unknown key")) << job.output;
}

TEST_F(FailingRank, LeavingAtDifferentTimesIsNoDeath) {
  for (const char* how : {"is late", "leaves early"}) {
    run(how);
    EXPECT_EQ(job.exit_code, 0) << how << "\n" << job.output;
    EXPECT_EQ(job.output, "") << how;
  }
}

}  // namespace
}  // namespace kumiko
