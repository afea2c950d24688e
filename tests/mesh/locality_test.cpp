#include <gtest/gtest.h>

#include "kumiko/mesh/mesh_table.h"

namespace kumiko {
namespace {

const SharedLevel domain{"NUMA domain", {0, 0, 1, 1, 2, 2, 3, 3}};
const SharedLevel node{"node", {0, 0, 0, 0, 1, 1, 1, 1}};

TEST(Localities, TakeTheInnermostLevelThatHoldsAGroup) {
  const Mesh mesh({2, 2, 1, 2});
  const auto found = localities(mesh, {domain, node});
  const auto text = [&](Axis axis) { return found[static_cast<size_t>(axis)].to_string({domain, node}, "network"); };
  EXPECT_EQ(text(Axis::tensor), "4 in one NUMA domain");
  EXPECT_EQ(text(Axis::pipeline), "4 in one node");
  EXPECT_EQ(text(Axis::data), "4 over the network");
  EXPECT_EQ(text(Axis::context), "8 in one NUMA domain");
}

TEST(RankTable, LeavesOutTheMiddle) {
  const Mesh mesh({8, 1, 1, 1});
  const std::vector<std::string> places(8, "here");
  const std::string table = rank_table(mesh, places, 4);
  EXPECT_NE(table.find("2      2"), std::string::npos) << table;
  EXPECT_NE(table.find("...   4 ranks not shown"), std::string::npos) << table;
  EXPECT_NE(table.find("7      7"), std::string::npos) << table;
  EXPECT_EQ(rank_table(mesh, places, 8).find("..."), std::string::npos);
}

TEST(RankLines, NameTheAxesThatThereAre) {
  const std::vector<std::string> lines = rank_lines(Mesh({2, 1, 1, 2}), {"a", "b", "c", "d"});
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[2], "rank 2, data 1, tensor 0: c");
  EXPECT_EQ(rank_lines(Mesh({1, 1, 1, 1}), {"a"}).front(), "rank 0: a");
}

TEST(AxisLines, SayWhatEachAxisUses) {
  EXPECT_EQ(axis_lines(Mesh({4, 1, 1, 2}), {domain, node}, "network"),
            (std::vector<std::string>{"tensor: 4 groups of 2 ranks (0, 1), 4 in one NUMA domain",
                                      "data: 2 groups of 4 ranks (0, 2, 4, 6), 2 over the network"}));
  EXPECT_EQ(axis_lines(Mesh({8, 1, 1, 1}), {domain, node}, "network"),
            (std::vector<std::string>{"data: 1 group of 8 ranks (0, 1, 2 ... 7), 1 over the network"}));
  EXPECT_TRUE(axis_lines(Mesh({1, 1, 1, 1}), {{"node", {0}}}, "network").empty());
}

TEST(AxisTable, NamesTheFirstGroup) {
  const std::string table = axis_table(Mesh({4, 1, 1, 2}), {domain, node}, "network");
  EXPECT_NE(table.find("data           4        2   0, 2, 4, 6               2 over the network"), std::string::npos)
      << table;
  EXPECT_EQ(table.find("pipeline"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
