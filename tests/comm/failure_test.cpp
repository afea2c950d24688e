// What a person sees, and how the job ends, when one rank of several fails.
#include <gtest/gtest.h>

#include "support/subprocess.h"

namespace kumiko {
namespace {

class FailingRank : public testing::TestWithParam<int> {
 protected:
  // `how`: see failing_rank.cpp. The job has a minute; it needs a few seconds.
  void run(const std::string& how) {
    job = test::run_program({KUMIKO_MPIRUN, std::to_string(GetParam()), KUMIKO_FAILING_RANK, how});
    EXPECT_FALSE(job.timed_out) << "the job hung:\n" << job.output;
  }
  bool says(const std::string& text) const { return job.output.find(text) != std::string::npos; }
  int count(const std::string& text) const {
    int found = 0;
    for (size_t at = job.output.find(text); at != std::string::npos; at = job.output.find(text, at + 1)) ++found;
    return found;
  }

  test::Finished job;
};

TEST_P(FailingRank, KilledIsNamedByTheSurvivors) {
  run("is killed");
  EXPECT_NE(job.exit_code, 0);
  EXPECT_TRUE(says("[rank 0] error: rank 1 (pid ")) << job.output;
  EXPECT_TRUE(says(") died; stopping")) << job.output;
}

TEST_P(FailingRank, AnEndWithoutGoodbyeIsADeath) {
  run("exits");
  EXPECT_NE(job.exit_code, 0);
  EXPECT_TRUE(says("[rank 0] error: rank 1 (pid ")) << job.output;
}

TEST_P(FailingRank, AnErrorEndsEveryRankAndIsNamed) {
  run("throws");
  EXPECT_EQ(job.exit_code, 2) << job.output;
  EXPECT_TRUE(says("[rank 1] error: rank 1 cannot read its shard")) << job.output;
}

TEST_P(FailingRank, AnyExceptionEndsEveryRank) {
  run("throws something else");
  EXPECT_EQ(job.exit_code, 4) << job.output;
  EXPECT_TRUE(says("internal (please report it): index 7 of 3")) << job.output;
}

TEST_P(FailingRank, AnErrorOfAllIsSaidOnce) {
  run("throws everywhere");
  EXPECT_EQ(job.exit_code, 2) << job.output;
  EXPECT_EQ(count("train.toml: line 3"), 1) << job.output;
}

TEST_P(FailingRank, LeavingAtDifferentTimesIsNoDeath) {
  for (const char* how : {"is late", "leaves early"}) {
    run(how);
    EXPECT_EQ(job.exit_code, 0) << how << "\n" << job.output;
    EXPECT_EQ(job.output, "") << how;
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, FailingRank, testing::Values(2, 3));

}  // namespace
}  // namespace kumiko
