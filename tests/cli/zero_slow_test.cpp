// A model that one rank cannot hold: the slow tier.
#include <gtest/gtest.h>

#include "cli/program.h"

namespace kumiko {
namespace {

using test::Finished;
using test::TinyRun;

// 59 million parameters: 944 MB of weights, gradients and AdamW's state.
Finished train_within_a_gigabyte(const TinyRun& tiny, int ranks, const std::string& zero_stage) {
  return test::run_program(
      {"/usr/bin/prlimit", "--as=1000000000", KUMIKO_MPIRUN, std::to_string(ranks), KUMIKO_PROGRAM, "train",
       tiny.path("run.toml"), "--model.num_layers", "12", "--model.hidden_size", "640", "--train.train_iters", "2",
       "--train.eval_interval", "0", "--parallel.bind", "none", "--parallel.zero_stage", zero_stage},
      300);
}

TEST(SlowZero, FourRanksHoldWhatOneCannot) {
  const TinyRun tiny("zero_memory");
  const Finished alone = train_within_a_gigabyte(tiny, 1, "0");
  EXPECT_EQ(alone.exit_code, 3) << alone.output;
  EXPECT_NE(alone.output.find("out of memory: the system has no"), std::string::npos) << alone.output;
  const Finished replicated = train_within_a_gigabyte(tiny, 4, "0");
  EXPECT_NE(replicated.exit_code, 0);
  EXPECT_NE(replicated.output.find("out of memory: the system has no"), std::string::npos) << replicated.output;
  const Finished divided = train_within_a_gigabyte(tiny, 4, "3");
  EXPECT_EQ(divided.exit_code, 0) << divided.output;
}

}  // namespace
}  // namespace kumiko
