#include "kumiko/mesh/placement.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Domains of `cores` cores each, numbered through; with two hardware threads a core, the siblings follow all cores.
NodeTopology node_of(int domains, int cores, int threads_a_core = 1, int first_core = 0) {
  NodeTopology node;
  for (int d = 0; d < domains; ++d) {
    MemoryDomain domain{d, {}};
    for (int c = 0; c < cores; ++c) {
      const int id = first_core + d * cores + c;
      Core core{id, {}};
      for (int t = 0; t < threads_a_core; ++t) core.hardware_threads.push_back(id + t * domains * cores);
      domain.cores.push_back(std::move(core));
    }
    node.domains.push_back(std::move(domain));
  }
  return node;
}

// Four core memory groups of 12 cores from number 12 on in domains 4 to 7, and two assistant cores in 0 and 1.
NodeTopology a64fx() {
  NodeTopology node = node_of(4, 12, 1, 12);
  for (MemoryDomain& domain : node.domains) domain.id += 4;
  node.domains.insert(node.domains.begin(), {MemoryDomain{0, {{0, {0}}}}, MemoryDomain{1, {{1, {1}}}}});
  return with_assistant_cores(node);
}

std::vector<std::string> texts(const NodeTopology& node, int64_t ranks, int64_t threads = 0) {
  std::vector<std::string> lines;
  for (const RankPlacement& placement : place_ranks(node, ranks, threads)) lines.push_back(placement.to_string());
  return lines;
}

using Lines = std::vector<std::string>;

TEST(PlaceRanks, OnA64fxGivesEachRankAGroupAndLeavesTheAssistantsFree) {
  const NodeTopology node = a64fx();
  EXPECT_EQ(node.num_cores(), 48);
  EXPECT_EQ(node.assistant_cores, (std::vector<Core>{{0, {0}}, {1, {1}}}));
  EXPECT_EQ(texts(node, 4), (Lines{"NUMA 4, cores 12-23, 12 threads", "NUMA 5, cores 24-35, 12 threads",
                                   "NUMA 6, cores 36-47, 12 threads", "NUMA 7, cores 48-59, 12 threads"}));
  EXPECT_EQ(texts(node, 1), (Lines{"NUMA 4-7, cores 12-59, 48 threads"}));
  EXPECT_EQ(texts(node, 2), (Lines{"NUMA 4-5, cores 12-35, 24 threads", "NUMA 6-7, cores 36-59, 24 threads"}));
  // Three groups of 12 use as many cores as three times 16 would, less a quarter.
  EXPECT_EQ(texts(node, 3), (Lines{"NUMA 4, cores 12-23, 12 threads", "NUMA 5, cores 24-35, 12 threads",
                                   "NUMA 6, cores 36-47, 12 threads"}));
  EXPECT_EQ(texts(node, 8)[1], "NUMA 4, cores 18-23, 6 threads");
  EXPECT_EQ(texts(node, 8)[2], "NUMA 5, cores 24-29, 6 threads");
}

TEST(PlaceRanks, OnTwoSocketsOfFourDomainsKeepsNeighboursTogether) {
  const NodeTopology node = node_of(8, 16, 2);  // two sockets with 64 cores each, four domains a socket
  EXPECT_EQ(texts(node, 8)[7], "NUMA 7, cores 112-127, 16 threads");
  EXPECT_EQ(texts(node, 16)[3], "NUMA 1, cores 24-31, 8 threads");
  EXPECT_EQ(texts(node, 2), (Lines{"NUMA 0-3, cores 0-63, 64 threads", "NUMA 4-7, cores 64-127, 64 threads"}));
  // As many threads as a domain holds: one domain each, on different sockets.
  EXPECT_EQ(texts(node, 2, 16), (Lines{"NUMA 0, cores 0-15, 16 threads", "NUMA 4, cores 64-79, 16 threads"}));
  const RankPlacement first = place_ranks(node, 8, 0).front();
  EXPECT_EQ(first.core_of_thread(3).hardware_threads, (std::vector<int>{3, 131}));
}

TEST(PlaceRanks, CountsCoresNotHardwareThreads) {
  const NodeTopology laptop = node_of(1, 4, 2);
  EXPECT_EQ(texts(laptop, 1), (Lines{"NUMA 0, cores 0-3, 4 threads"}));
  EXPECT_EQ(texts(laptop, 2), (Lines{"NUMA 0, cores 0-1, 2 threads", "NUMA 0, cores 2-3, 2 threads"}));
}

TEST(PlaceRanks, KeepsToAMask) {
  const NodeTopology node = node_of(2, 8, 2);
  const std::vector<int> mask = {5, 6, 7, 8, 21, 24, 25};  // 21 and 24 are siblings of 5 and 8, 25 that of 9 alone
  const NodeTopology left = restricted_to(node, mask);
  EXPECT_EQ(left.num_cores(), 5);
  EXPECT_EQ(left.domains[0].cores[0], (Core{5, {5, 21}}));
  EXPECT_EQ(texts(left, 1), (Lines{"NUMA 0-1, cores 5-8,25, 5 threads"}));
  EXPECT_EQ(texts(left, 2), (Lines{"NUMA 0, cores 5-7, 2 threads", "NUMA 1, cores 8,25, 2 threads"}));
  const std::vector<int> one = {3};
  EXPECT_EQ(texts(restricted_to(node, one), 1), (Lines{"NUMA 0, core 3, 1 thread"}));
}

TEST(PlaceRanks, WithoutRoomSharesCores) {
  const NodeTopology node = node_of(1, 2);
  for (const RankPlacement& placement : place_ranks(node, 4, 0)) {
    EXPECT_EQ(placement.to_string(), "NUMA 0, cores 0-1, 1 thread");
  }
  const RankPlacement crowded = place_ranks(node, 2, 3).back();
  EXPECT_EQ(crowded.to_string(), "NUMA 0, core 1, 3 threads");
  EXPECT_FALSE(crowded.one_core_a_thread());
}

TEST(PlaceRanks, BindsThreadsOfRanksThatUseTheirCores) {
  const NodeTopology node = node_of(1, 12);
  EXPECT_TRUE(place_ranks(node, 1, 12).front().one_core_a_thread());
  EXPECT_TRUE(place_ranks(node, 1, 7).front().one_core_a_thread());
  EXPECT_FALSE(place_ranks(node, 1, 6).front().one_core_a_thread());  // other programs may have the other half
  EXPECT_TRUE(place_ranks(node, 2, 6).front().one_core_a_thread());
}

TEST(PlaceRanks, SpreadsThreadsOverMoreCores) {
  const RankPlacement placement = place_ranks(node_of(2, 6), 1, 8).front();
  std::vector<int> used;
  for (int64_t i = 0; i < 8; ++i) used.push_back(placement.core_of_thread(i).id);
  EXPECT_EQ(used, (std::vector<int>{0, 1, 3, 4, 6, 7, 9, 10}));
}

// Whatever the node, the ranks and the threads: no core twice, every thread a core if there are enough, equal threads.
TEST(PlaceRanks, NeverGivesACoreTwice) {
  for (int domains = 1; domains <= 5; ++domains) {
    for (int cores = 1; cores <= 13; ++cores) {
      NodeTopology node = node_of(domains, cores);
      if (cores > 1) node.domains.front().cores.pop_back();
      const int64_t total = node.num_cores();
      for (int64_t ranks = 1; ranks <= total; ++ranks) {
        for (const int64_t threads : {int64_t{0}, int64_t{1}, total / ranks}) {
          const std::vector<RankPlacement> placements = place_ranks(node, ranks, threads);
          ASSERT_EQ(placements.size(), static_cast<size_t>(ranks));
          std::set<int> used;
          for (const RankPlacement& placement : placements) {
            EXPECT_LE(placement.num_threads, static_cast<int64_t>(placement.cores.size()));
            EXPECT_EQ(placement.num_threads, placements.front().num_threads);
            for (const Core& core : placement.cores) EXPECT_TRUE(used.insert(core.id).second) << core.id;
          }
          EXPECT_GE(4 * placements.front().num_threads, threads == 0 ? 3 * (total / ranks) : 0);
        }
      }
    }
  }
}

TEST(PlaceRanks, RefusesANodeWithoutCores) { EXPECT_THROW(place_ranks({}, 1, 0), Error); }

TEST(RangesText, JoinsNeighbours) {
  EXPECT_EQ(ranges_text({3, 1, 2, 7, 9, 10}), "1-3,7,9-10");
  EXPECT_EQ(ranges_text({0, 2, 4, 6, 9, 11, 12, 13}), "0-6:2,9,11-13");
  EXPECT_EQ(ranges_text({}), "");
}

}  // namespace
}  // namespace kumiko
