#include "kumiko/mesh/fat_tree.h"

#include <gtest/gtest.h>

#include <set>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

const AxisLocality& locality_of(const FatTreePlacement& placement, Axis axis) {
  return placement.locality[static_cast<size_t>(axis)];
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

TEST(PlaceOnFatTree, KeepsGroupsUnderOneSwitch) {
  const std::vector<TreeNode> nodes = tree(2, 2, 8);
  // Pipelines of four nodes of four ranks: two under each leaf.
  const FatTreePlacement placement = place_on_fat_tree(Mesh({8, 4, 1, 4}), nodes, 4);
  EXPECT_EQ(std::set<int64_t>(placement.nodes.begin(), placement.nodes.end()).size(), nodes.size());
  EXPECT_EQ(locality_of(placement, Axis::tensor).in_node, 32);
  EXPECT_EQ(locality_of(placement, Axis::pipeline).groups, 32);
  EXPECT_EQ(locality_of(placement, Axis::pipeline).in_leaf, 32);
  EXPECT_EQ(locality_of(placement, Axis::data).in_pod, 0);
}

// Leaves of ten nodes and pipelines of four: two whole ones under each, the third of what two leaves have left.
TEST(PlaceOnFatTree, CutsOnlyWhatMustBeCut) {
  const FatTreePlacement placement = place_on_fat_tree(Mesh({5, 4, 1, 2}), tree(1, 2, 10), 2);
  EXPECT_EQ(locality_of(placement, Axis::pipeline).groups, 10);
  EXPECT_EQ(locality_of(placement, Axis::pipeline).in_leaf, 8);
  EXPECT_EQ(locality_of(placement, Axis::pipeline).in_pod, 2);
}

TEST(PlaceOnFatTree, PlacesTheLargestMachines) {
  for (const int64_t nodes : {13'824, 158'976}) {
    const FatTreePlacement placement = place_on_fat_tree(Mesh({nodes / 48, 8, 1, 6}), tree(nodes / 576, 24, 24), 1);
    EXPECT_EQ(locality_of(placement, Axis::tensor).in_leaf, nodes / 6);
    EXPECT_EQ(locality_of(placement, Axis::pipeline).groups, nodes / 8);
    EXPECT_EQ(locality_of(placement, Axis::pipeline).in_pod, nodes / 8);
  }
}

TEST(PlaceOnFatTree, SaysWhenThereIsNoRoom) { EXPECT_THROW(place_on_fat_tree(Mesh({4, 1, 1, 1}), {{0, 0}}, 2), Error); }

}  // namespace
}  // namespace kumiko
