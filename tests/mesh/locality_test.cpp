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

TEST(AxisTable, NamesTheFirstGroup) {
  const std::string table = axis_table(Mesh({4, 1, 1, 2}), {domain, node}, "network");
  EXPECT_NE(table.find("data           4        2   0, 2, 4, 6               2 over the network"), std::string::npos)
      << table;
  EXPECT_EQ(table.find("pipeline"), std::string::npos);
}

}  // namespace
}  // namespace kumiko
