#include "kumiko/mesh/node.h"

#include <gtest/gtest.h>
#include <omp.h>
#include <sched.h>

#include <thread>

namespace kumiko {
namespace {

std::vector<int> affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  ::sched_getaffinity(0, sizeof set, &set);
  std::vector<int> threads;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) threads.push_back(i);
  }
  return threads;
}

TEST(Node, HasTheCoresOfThisProcess) {
  const Node node = Node::discover();
  EXPECT_EQ(node.own_hardware_threads(), affinity());
  const NodeTopology own = restricted_to(node.topology(), node.own_hardware_threads());
  EXPECT_GE(own.num_cores(), 1);
  EXPECT_LE(own.num_cores(), static_cast<int64_t>(affinity().size()));
}

TEST(Node, BindsEachThreadToItsCore) {
  const std::vector<int> before = affinity();
  std::thread([&] {  // a thread whose teams end with it
    const Node node = Node::discover();
    const RankPlacement placement =
        place_ranks(restricted_to(node.topology(), node.own_hardware_threads()), 1, 0).front();
    if (const std::string left_out = node.bind(placement); !left_out.empty()) {
      GTEST_SKIP() << left_out;
    }
    std::vector<std::vector<int>> bound(static_cast<size_t>(placement.num_threads));
#pragma omp parallel num_threads(static_cast <int>(placement.num_threads))
    bound[static_cast<size_t>(omp_get_thread_num())] = affinity();
    for (int64_t i = 0; i < placement.num_threads; ++i) {
      EXPECT_EQ(bound[static_cast<size_t>(i)], placement.core_of_thread(i).hardware_threads) << i;
    }
  })
      .join();
  EXPECT_EQ(affinity(), before);  // the main thread, which is a helper here: all of the rank's cores
}

TEST(Node, LeavesMoreThreadsThanCoresToTheSystem) {
  std::thread([] {
    const Node node = Node::discover();
    const NodeTopology own = restricted_to(node.topology(), node.own_hardware_threads());
    const RankPlacement placement = place_ranks(own, 1, own.num_cores() + 1).front();
    if (const std::string left_out = node.bind(placement); !left_out.empty()) {
      GTEST_SKIP() << left_out;
    }
    std::vector<size_t> sizes(static_cast<size_t>(placement.num_threads));
#pragma omp parallel num_threads(static_cast <int>(placement.num_threads))
    sizes[static_cast<size_t>(omp_get_thread_num())] = affinity().size();
    for (const size_t size : sizes) EXPECT_EQ(size, node.own_hardware_threads().size());
  }).join();
}

}  // namespace
}  // namespace kumiko
