#include "kumiko/mesh/thread_count.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kumiko {
namespace {

// A node with 16 cores that `ranks` ranks share.
ThreadFacts node_with(int64_t ranks) {
  ThreadFacts facts;
  facts.cores = 16;
  facts.sharers = ranks;
  facts.threads_for_cores = std::max<int64_t>(1, 16 / ranks);
  facts.quota_sharers = ranks;
  return facts;
}

void expect_count(const ThreadFacts& facts, int64_t threads, const std::string& decided_by,
                  const std::string& warning = "") {
  const ThreadCount count = count_threads(facts);
  EXPECT_EQ(count.threads, threads);
  EXPECT_EQ(count.decided_by, decided_by);
  EXPECT_EQ(count.warning.empty(), warning.empty()) << count.warning;
  EXPECT_NE(count.warning.find(warning), std::string::npos) << count.warning;
}

TEST(ThreadCount, IsThatOfTheCores) {
  expect_count(node_with(1), 16, "");
  expect_count(node_with(4), 4, "");
}

TEST(ThreadCount, FollowsTheOptionFirst) {
  ThreadFacts facts = node_with(4);
  facts.option = 3;
  facts.environment = "2";
  facts.quota = 16;
  expect_count(facts, 3, "parallel.num_threads");
}

TEST(ThreadCount, FollowsOmpNumThreadsNext) {
  ThreadFacts facts = node_with(4);
  facts.environment = "2";
  expect_count(facts, 2, "OMP_NUM_THREADS");
  facts.environment = " 3,2";
  expect_count(facts, 3, "OMP_NUM_THREADS");
}

TEST(ThreadCount, PassesOverWhatIsNoNumberAndSaysSo) {
  for (const char* text : {"0", "-1", "four", "4x", "99999999999999999999", "70000", ",4", "1.5"}) {
    ThreadFacts facts = node_with(4);
    facts.environment = text;
    expect_count(facts, 4, "", std::string("OMP_NUM_THREADS = ") + text + " is passed over");
  }
}

TEST(ThreadCount, KeepsToTheQuota) {
  ThreadFacts facts = node_with(4);
  facts.quota = 8;
  expect_count(facts, 2, "a quota of 8 CPUs");
  facts.quota = 9.9;
  expect_count(facts, 2, "a quota of 9.9 CPUs");
  facts.quota = 100;
  expect_count(facts, 4, "");
  facts.quota_sharers = 1;  // each rank has a group of its own
  facts.quota = 1.5;
  expect_count(facts, 1, "a quota of 1.5 CPUs");
  facts.quota = 0.5;  // one thread at least, which nobody can mend
  expect_count(facts, 1, "a quota of 0.5 CPUs");
}

TEST(ThreadCount, WarnsOfMoreThreadsThanCores) {
  ThreadFacts facts = node_with(4);
  facts.option = 5;
  expect_count(facts, 5, "parallel.num_threads", "4 ranks with 5 threads each share 16 cores");
  facts.option = 0;
  facts.environment = "8";
  expect_count(facts, 8, "OMP_NUM_THREADS", "(decided by OMP_NUM_THREADS)");
  expect_count(node_with(17), 1, "", "17 ranks with 1 thread each share 16 cores");
  facts = node_with(1);
  facts.option = 17;
  expect_count(facts, 17, "parallel.num_threads", "17 threads share 16 cores");
}

TEST(ThreadCount, WarnsOfMoreThreadsThanTheQuota) {
  ThreadFacts facts = node_with(2);
  facts.quota = 3;
  facts.option = 2;
  expect_count(facts, 2, "parallel.num_threads", "2 ranks with 2 threads each share a quota of 3 CPUs");
  facts = node_with(8);
  facts.quota = 4;
  expect_count(facts, 1, "a quota of 4 CPUs", "8 ranks with 1 thread each share a quota of 4 CPUs");
}

}  // namespace
}  // namespace kumiko
