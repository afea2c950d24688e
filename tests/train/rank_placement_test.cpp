#include "kumiko/train/rank_placement.h"

#include <gtest/gtest.h>

namespace kumiko {
namespace {

using Lines = std::vector<std::string>;

// Four ranks on each of `nodes` nodes, as on A64FX.
struct Job {
  explicit Job(int nodes) {
    for (int rank = 0; rank < 4 * nodes; ++rank) {
      ranks.push_back({"node" + std::to_string(rank / 4), 100 + rank, rank % 4});
      places.push_back("NUMA " + std::to_string(rank % 4) + ", 12 threads");
    }
  }
  std::vector<RankInfo> ranks;
  Lines places;
};

TEST(PlacementLines, AreOneARankWhileTheyAreFew) {
  const Job job(2);
  const Lines lines = placement_lines(job.ranks, job.places, 8);
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[5], "rank 5: node1, NUMA 1, 12 threads");
}

TEST(PlacementLines, JoinTheSamePlaceOnManyHosts) {
  Job job(100);
  job.places[399] = "NUMA 3, 11 threads";
  EXPECT_EQ(placement_lines(job.ranks, job.places, 8),
            (Lines{"100 ranks from rank 0 on 100 hosts: NUMA 0, 12 threads",
                   "100 ranks from rank 1 on 100 hosts: NUMA 1, 12 threads",
                   "100 ranks from rank 2 on 100 hosts: NUMA 2, 12 threads",
                   "99 ranks from rank 3 on 99 hosts: NUMA 3, 12 threads", "rank 399: node99, NUMA 3, 11 threads"}));
}

TEST(PlacementLines, EndWhereThereAreTooMany) {
  Job job(3);
  for (size_t rank = 0; rank < job.places.size(); ++rank) job.places[rank] = "core " + std::to_string(rank);
  EXPECT_EQ(placement_lines(job.ranks, job.places, 3),
            (Lines{"rank 0: node0, core 0", "rank 1: node0, core 1", "and 10 ranks in 10 more places"}));
}

TEST(SharedLevels, AreMemoryDomainsAndNodes) {
  const Job job(2);
  const std::vector<SharedLevel> levels = shared_levels(job.ranks, {0, 0, 1, 1, 0, 0, -1, -1});
  ASSERT_EQ(levels.size(), 2u);
  EXPECT_EQ(levels[0].name, "NUMA domain");
  // Domain 0 of one node is not that of another, and a rank that keeps to no domain shares none.
  EXPECT_EQ(levels[0].of_rank, (std::vector<int64_t>{0, 0, 1, 1, 2, 2, -7, -8}));
  EXPECT_EQ(levels[1].name, "node");
  EXPECT_EQ(levels[1].of_rank, (std::vector<int64_t>{0, 0, 0, 0, 1, 1, 1, 1}));
}

TEST(SharedLevels, AreNodesWhereNoRankIsBound) {
  const std::vector<SharedLevel> levels = shared_levels(Job(1).ranks, {-1, -1, -1, -1});
  ASSERT_EQ(levels.size(), 1u);
  EXPECT_EQ(levels[0].name, "node");
}

}  // namespace
}  // namespace kumiko
