#include "kumiko/mesh/fat_tree.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// Groups of an axis, and how many of them lie in a node, under a leaf switch, in a pod.
std::vector<int64_t> counts(const Mesh& mesh, const FatTreePlacement& placement, Axis axis) {
  const AxisLocality locality = localities(mesh, placement.levels)[static_cast<size_t>(axis)];
  std::vector<int64_t> result = {locality.groups};
  result.insert(result.end(), locality.within.begin(), locality.within.end());
  return result;
}

std::vector<TreeNode> tree(int64_t num_pods, int64_t leaves, int64_t nodes) {
  std::vector<TreeNode> result;
  // As a scheduler might list them: not by switch.
  for (int64_t node = 0; node < nodes; ++node) {
    for (int64_t leaf = 0; leaf < leaves; ++leaf) {
      for (int64_t pod = 0; pod < num_pods; ++pod) result.push_back({pod, leaf});
    }
  }
  return result;
}

using Counts = std::vector<int64_t>;

TEST(PlaceOnFatTree, KeepsGroupsUnderOneSwitch) {
  const std::vector<TreeNode> nodes = tree(2, 2, 8);
  // Pipelines of four nodes of four ranks: two under each leaf.
  const Mesh mesh({8, 4, 1, 4});
  const FatTreePlacement placement = place_on_fat_tree(mesh, nodes, 4);
  EXPECT_EQ(std::set<int64_t>(placement.nodes.begin(), placement.nodes.end()).size(), nodes.size());
  EXPECT_EQ(counts(mesh, placement, Axis::tensor), (Counts{32, 32, 0, 0}));
  EXPECT_EQ(counts(mesh, placement, Axis::pipeline), (Counts{32, 0, 32, 0}));
  EXPECT_EQ(counts(mesh, placement, Axis::data), (Counts{16, 0, 0, 0}));
}

// Leaves of ten nodes and pipelines of four: two whole ones under each, the third of what two leaves have left.
TEST(PlaceOnFatTree, CutsOnlyWhatMustBeCut) {
  const Mesh mesh({5, 4, 1, 2});
  EXPECT_EQ(counts(mesh, place_on_fat_tree(mesh, tree(1, 2, 10), 2), Axis::pipeline), (Counts{10, 0, 8, 2}));
}

// Replicas of six nodes, as many as a pod has, though no leaf holds a whole number of its pairs.
TEST(PlaceOnFatTree, KeepsReplicasInOnePod) {
  const Mesh mesh({2, 3, 1, 2});
  const FatTreePlacement placement = place_on_fat_tree(mesh, tree(2, 2, 3), 1);
  EXPECT_EQ(counts(mesh, placement, Axis::pipeline), (Counts{4, 0, 0, 4}));
  EXPECT_EQ(counts(mesh, placement, Axis::tensor), (Counts{6, 0, 4, 2}));
  EXPECT_EQ(counts(mesh, placement, Axis::data), (Counts{6, 0, 0, 0}));
}

// Two pods of seven nodes and replicas of four: one in each, the third over both.
TEST(PlaceOnFatTree, CutsPodsAsFarOutsideAsPossible) {
  const Mesh mesh({3, 2, 1, 2});
  const FatTreePlacement placement = place_on_fat_tree(mesh, tree(2, 1, 7), 1);
  EXPECT_EQ(counts(mesh, placement, Axis::tensor), (Counts{6, 0, 6, 0}));
  EXPECT_EQ(counts(mesh, placement, Axis::pipeline), (Counts{6, 0, 4, 0}));
}

TEST(PlaceOnFatTree, PlacesTheLargestMachines) {
  for (const int64_t nodes : {13'824, 158'976}) {
    const Mesh mesh({nodes / 48, 8, 1, 6});
    const FatTreePlacement placement = place_on_fat_tree(mesh, tree(nodes / 576, 24, 24), 1);
    EXPECT_EQ(counts(mesh, placement, Axis::tensor), (Counts{nodes / 6, 0, nodes / 6, 0}));
    EXPECT_EQ(counts(mesh, placement, Axis::pipeline), (Counts{nodes / 8, 0, 0, nodes / 8}));
  }
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::user);
    return error.what();
  }
  return "no error";
}

TEST(PlaceOnFatTree, SaysWhenThereIsNoRoom) {
  EXPECT_EQ(message_of([] {
              place_on_fat_tree(Mesh({4, 1, 1, 1}), {{0, 0}}, 2);
            }),
            "4 data x 1 pipeline x 1 context x 1 tensor (4 ranks) needs 2 nodes of 2 ranks each, but the fat tree has "
            "1");
  for (const int64_t ranks_per_node : {int64_t{-1}, int64_t{0}, int64_t{1} << 62}) {
    EXPECT_EQ(message_of([&] {
                place_on_fat_tree(Mesh({4, 1, 1, 1}), {{0, 0}}, ranks_per_node);
              }),
              fmt::format("{} ranks a node: expected 1 to 16777216", ranks_per_node));
  }
}

TEST(FatTree, IsReadFromItsSizes) {
  const std::vector<TreeNode> pods = parse_fat_tree("2x3x4");
  ASSERT_EQ(pods.size(), 24);
  EXPECT_EQ(pods[23].pod, 1);
  EXPECT_EQ(pods[23].leaf, 2);
  EXPECT_EQ(parse_fat_tree("3x4").back().pod, 0);
  for (const char* text : {"", "4", "3x", "3x0", "-3x4", "2x2x2x2", "3,4"}) {
    EXPECT_EQ(message_of([&] { parse_fat_tree(text); }),
              fmt::format("fat tree \"{}\": expected LEAVESxNODES as 24x16, or PODSxLEAVESxNODES as 8x24x16", text));
  }
  EXPECT_EQ(message_of([] { parse_fat_tree("4294967296x4294967296"); }),
            "fat tree \"4294967296x4294967296\": more than 16777216 nodes");
}

}  // namespace
}  // namespace kumiko
