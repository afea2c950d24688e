#include "kumiko/comm/launcher.h"

#include <gtest/gtest.h>

#include <map>

namespace kumiko {
namespace {

std::optional<Launch> discover(const std::map<std::string, std::string>& environment) {
  return discover_launch([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  });
}

void expect_launch(const std::optional<Launch>& launch, const std::string& launcher, int rank, int size, int local) {
  ASSERT_TRUE(launch.has_value()) << launcher;
  EXPECT_EQ(launch->launcher, launcher);
  EXPECT_EQ(launch->rank, rank);
  EXPECT_EQ(launch->size, size);
  EXPECT_EQ(launch->local_rank, local);
}

TEST(DiscoverLaunch, KnowsEveryLauncher) {
  expect_launch(
      discover({{"OMPI_COMM_WORLD_RANK", "5"}, {"OMPI_COMM_WORLD_SIZE", "8"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}}),
      "Open MPI", 5, 8, 1);
  expect_launch(discover({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"MPI_LOCALRANKID", "3"}}), "Hydra (MPICH, Intel MPI)",
                3, 4, 3);
  expect_launch(discover({{"PMI_RANK", "3"}, {"PMI_SIZE", "4"}, {"PMI_LOCAL_RANK", "2"}}), "PALS", 3, 4, 2);
  expect_launch(discover({{"PALS_RANKID", "3"}, {"PMI_SIZE", "4"}, {"PALS_LOCAL_RANKID", "2"}}), "PALS", 3, 4, 2);
  expect_launch(discover({{"PMIX_RANK", "6"}, {"PJM_MPI_PROC", "16"}, {"PLE_RANK_ON_NODE", "2"}}), "Fujitsu PLE", 6, 16,
                2);
  expect_launch(
      discover({{"SLURM_PROCID", "1"}, {"SLURM_NTASKS", "2"}, {"SLURM_LOCALID", "0"}, {"SLURM_STEP_ID", "0"}}), "Slurm",
      1, 2, 0);
}

TEST(DiscoverLaunch, FindsNothingWithoutALauncher) {
  EXPECT_FALSE(discover({}));
  EXPECT_FALSE(discover({{"OMPI_COMM_WORLD_RANK", "0"}}));
  EXPECT_FALSE(discover({{"PMI_RANK", "x"}, {"PMI_SIZE", "4"}}));
  EXPECT_FALSE(discover({{"PMI_RANK", "4"}, {"PMI_SIZE", "4"}}));
}

// The batch script has the allocation's variables, and is no rank of anything.
TEST(DiscoverLaunch, ABatchScriptIsOneRank) {
  EXPECT_FALSE(discover({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_JOB_ID", "99"}}));
}

TEST(DiscoverLaunch, TakesAllValuesFromOneLauncher) {
  expect_launch(discover({{"SLURM_PROCID", "0"},
                          {"SLURM_NTASKS", "8"},
                          {"SLURM_STEP_ID", "0"},
                          {"SLURM_LOCALID", "7"},
                          {"OMPI_COMM_WORLD_RANK", "1"},
                          {"OMPI_COMM_WORLD_SIZE", "2"}}),
                "Open MPI", 1, 2, 0);
}

}  // namespace
}  // namespace kumiko
