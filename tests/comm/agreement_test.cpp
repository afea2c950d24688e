#include "kumiko/comm/agreement.h"

#include <gtest/gtest.h>

#include <functional>
#include <new>

#include "kumiko/base/error.h"
#include "kumiko/comm/rank_list.h"
#include "support/world.h"

namespace kumiko {
namespace {

using test::everyone;

TEST(GatherText, GivesEveryRankEveryText) {
  const auto all = everyone();
  const auto text_of = [](int rank) {
    return std::string(static_cast<size_t>(rank) * 1000, 'x') + std::to_string(rank);
  };
  const std::vector<std::string> texts = gather_text(*all, text_of(all->rank()));
  ASSERT_EQ(texts.size(), static_cast<size_t>(all->size()));
  for (int r = 0; r < all->size(); ++r) EXPECT_EQ(texts[static_cast<size_t>(r)], text_of(r));
  EXPECT_EQ(gather_text(*all, "").back(), "");
}

// Four hosts with two ranks each.
std::vector<RankInfo> hosts() {
  std::vector<RankInfo> infos;
  for (int r = 0; r < 8; ++r) infos.push_back({"node" + std::to_string(r / 2), 100 + r, r % 2});
  return infos;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const SharedError& error) {
    return fmt::format("{} {}", exit_code(error.kind()), error.what());
  }
  return "";
}

TEST(CheckAgreement, IsSilentWhenAllAgree) {
  const std::vector<Fact> facts = {{"train.lr", "0.1", "Mend it."}, {"train.seed", "", "Mend it."}};
  EXPECT_EQ(message_of([&] { check_agreement(*everyone(), facts, hosts()); }), "");
  EXPECT_EQ(message_of([] { check_agreement(*everyone(), {}); }), "");
  EXPECT_TRUE(agreed(*everyone(), facts));
}

TEST(CheckAgreement, NamesTheFactTheValuesAndWhoHasThem) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "no one to disagree with";
  const bool last = all->rank() == all->size() - 1;
  const std::vector<Fact> facts = {
      {"train.lr", last ? "0.2" : "0.1", "Mend it."}, {"train.seed", "1", "Never."}, {"a", "2", "Never."}};
  EXPECT_FALSE(agreed(*all, facts));
  const char* first[] = {"", "", "rank 0 on node0", "ranks 0-1 on node0", "ranks 0-2 on node0, node1"};
  const char* other[] = {"", "", "rank 1 on node0", "rank 2 on node1", "rank 3 on node1"};
  EXPECT_EQ(message_of([&] { check_agreement(*all, facts, hosts()); }),
            fmt::format("2 the ranks disagree about train.lr:\n  {}: 0.1\n  {}: 0.2\nMend it.", first[all->size()],
                        other[all->size()]));
}

TEST(CheckAgreement, ListsSeveralFactsAndCutsValues) {
  const auto all = everyone();
  if (all->size() != 2) GTEST_SKIP() << "the message of two ranks";
  const std::string own = std::to_string(all->rank());
  std::vector<Fact> facts = {
      {"a", std::string(400, 'x') + own, "Mend a."}, {"b", "1", "Mend b."}, {"c", "", "Mend c."}};
  if (all->rank() == 1) facts[2].value = "two\nlines\033[2J";
  const std::string cut = std::string(300, 'x') + " ...";
  EXPECT_EQ(message_of([&] { check_agreement(*all, facts); }),
            "2 the ranks disagree about a, c:\n  a\n    rank 0: " + cut + "\n    rank 1: " + cut +
                "\n  c\n    rank 0: (empty)\n    rank 1: two lines [2J\nMend a.\nMend c.");
}

TEST(CheckAgreement, ComparesByName) {
  const auto all = everyone();
  if (all->size() != 2) GTEST_SKIP() << "the message of two ranks";
  std::vector<Fact> facts = {{"a", "1", "Mend a."}, {"b", "2", "Mend b."}};
  if (all->rank() == 1) facts = {{"b", "2", "Mend b."}, {"new", "3", "Mend new."}};
  const std::string message = message_of([&] { check_agreement(*all, facts); });
  EXPECT_NE(message.find("disagree about a, what rank 0 does not know:\n  a\n    rank 0: 1\n    rank 1: (unknown)"),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("    rank 1: new\n"), std::string::npos) << message;
}

TEST(CheckAgreement, IsBoundedWhereAllDiffer) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "no one to disagree with";
  std::vector<Fact> facts;
  for (int i = 0; i < 100; ++i) facts.push_back({fmt::format("f{}", i), std::to_string(all->rank()), "Mend it."});
  const std::string message = message_of([&] { check_agreement(*all, facts); });
  EXPECT_NE(message.find("f4, f5, 94 more:"), std::string::npos) << message;
  EXPECT_EQ(message.find("f6"), std::string::npos) << message;
}

TEST(Together, IsSilentWhereAllAreWell) {
  int calls = 0;
  EXPECT_EQ(message_of([&] { together(*everyone(), [&] { ++calls; }); }), "");
  EXPECT_EQ(calls, 1);
}

TEST(Together, EndsAllRanksWithTheErrorOfOne) {
  const auto all = everyone();
  if (all->size() == 1) GTEST_SKIP() << "nobody else";
  const auto fail = [&] {
    if (all->rank() == 1) throw_environment("the disk is full");
  };
  EXPECT_EQ(message_of([&] { together(*all, fail, hosts()); }), "3 rank 1 on node0: the disk is full");
  EXPECT_EQ(message_of([&] { together(*all, fail); }), "3 rank 1: the disk is full");
}

TEST(Together, SaysOnceWhatFailsEverywhere) {
  EXPECT_EQ(message_of([] {
              together(
                  *everyone(), [] { throw_user("no such file"); }, hosts());
            }),
            "2 no such file");
  EXPECT_EQ(message_of([] { together(*everyone(), [] { throw std::runtime_error("oh"); }); }), "4 oh");
  const std::string memory = message_of([] { together(*everyone(), [] { throw std::bad_alloc(); }); });
  EXPECT_TRUE(memory.starts_with("3 memory ran out: ")) << memory;
}

TEST(Together, ListsDifferentErrors) {
  const auto all = everyone();
  if (all->size() < 3) GTEST_SKIP() << "three ranks differ";
  const auto fail = [&] {
    if (all->rank() > 0) throw_user("no {}", all->rank() == 1 ? "tea" : "milk");
  };
  const std::string others = all->size() == 3 ? "rank 2" : "ranks 2-3";
  EXPECT_EQ(message_of([&] { together(*all, fail); }), "2 rank 1: no tea\n" + others + ": no milk");
}

TEST(RankList, IsShort) {
  const auto text = [](const std::vector<int64_t>& ranks, size_t most = 8) { return ranks_text(ranks, most); };
  EXPECT_EQ(text({3}), "rank 3");
  EXPECT_EQ(text({0, 1, 2, 7}), "ranks 0-2, 7");
  EXPECT_EQ(text({0, 2, 4, 5}, 2), "ranks 0, 2 and 2 more");
  const std::vector<int64_t> some = {1, 2, 7};
  EXPECT_EQ(ranks_on_hosts(some, hosts()), "ranks 1-2, 7 on node0, node1, node3");
  EXPECT_EQ(ranks_on_hosts(some, {}), "ranks 1-2, 7");
}

TEST(RankList, EndsBeforeItFillsTheScreen) {
  std::vector<int64_t> even;
  std::vector<RankInfo> infos;
  for (int64_t r = 0; r < 1000; ++r) {
    if (r % 2 == 0) even.push_back(r);
    infos.push_back({"n" + std::to_string(r), r, 0});
  }
  EXPECT_EQ(ranks_on_hosts(even, infos),
            "ranks 0, 2, 4, 6, 8, 10, 12, 14 and 492 more on n0, n2, n4, n6 and 496 more hosts");
}

}  // namespace
}  // namespace kumiko
