#include "kumiko/mesh/torus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

const AxisHops& hops_of(const TorusPlacement& placement, Axis axis) {
  return placement.hops[static_cast<size_t>(axis)];
}

// Every node in the torus, and none with more ranks than it has room for.
void check_nodes(const TorusPlacement& placement, const TorusShape& torus, size_t ranks_per_node) {
  std::map<NodeCoordinate, size_t> ranks;
  for (const NodeCoordinate& node : placement.nodes) {
    for (size_t dim = 0; dim < 3; ++dim) {
      ASSERT_GE(node[dim], 0);
      ASSERT_LT(node[dim], torus.sizes[dim]);
    }
    ASSERT_LE(++ranks[node], ranks_per_node);
  }
}

// Ranks laid out line by line, x fastest, as a launcher does that is told nothing.
double mean_hops_line_by_line(const Mesh& mesh, const TorusShape& torus, Axis axis) {
  const auto node = [&](int64_t rank) {
    return NodeCoordinate{rank % torus.sizes[0], rank / torus.sizes[0] % torus.sizes[1],
                          rank / torus.sizes[0] / torus.sizes[1]};
  };
  int64_t total = 0;
  for (int64_t rank = 0; rank < mesh.size(); ++rank) {
    const std::vector<int64_t> group = mesh.group(rank, axis);
    const int64_t next = group[static_cast<size_t>((mesh.coordinate(rank, axis) + 1) % mesh.size(axis))];
    total += hops_between(torus, node(rank), node(next));
  }
  return static_cast<double>(total) / static_cast<double>(mesh.size());
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

TEST(Torus, CountsHopsTheShortWayRound) {
  const TorusShape torus = parse_torus("8x6x4");
  EXPECT_EQ(hops_between(torus, {0, 0, 0}, {7, 5, 2}), 1 + 1 + 2);
  EXPECT_EQ(hops_between(parse_torus("8x6x4:mesh"), {0, 0, 0}, {7, 5, 2}), 7 + 5 + 2);
  EXPECT_EQ(to_string(torus), "8x6x4");
}

TEST(Torus, RefusesWhatIsNoShape) {
  for (const char* text : {"", "8x", "8xax2", "0x2", "2x2x2x2", "4x4:ring"}) {
    EXPECT_EQ(
        message_of([&] { parse_torus(text); }),
        fmt::format("torus \"{}\": expected up to three sizes as 48x6x48, with :mesh behind where the ends are not "
                    "linked",
                    text));
  }
  for (const char* text : {"4294967296x4294967296", "2097152x2097152x2097152", "16777217"}) {
    EXPECT_EQ(message_of([&] { parse_torus(text); }), fmt::format("torus \"{}\": more than 16777216 nodes", text));
  }
}

TEST(PlaceOnTorus, KeepsTheTensorGroupInItsNode) {
  const Mesh mesh({4, 4, 1, 4});
  const TorusShape torus = parse_torus("4x4");
  const TorusPlacement placement = place_on_torus(mesh, torus, 4);
  check_nodes(placement, torus, 4);
  EXPECT_EQ(hops_of(placement, Axis::tensor).most, 0);
  // Four pipelines of four nodes, each a ring; the replicas of a stage are the other ring.
  EXPECT_EQ(hops_of(placement, Axis::pipeline).most, 1);
  EXPECT_EQ(hops_of(placement, Axis::data).mean, 1);
}

// The shape of a published run: 13,824 nodes of Fugaku, 3 tensor x 8 pipeline x 576 data, one rank a node.
TEST(PlaceOnTorus, PlacesThirteenThousandRanks) {
  const TorusShape torus = parse_torus("48x6x48");
  const Mesh mesh({576, 8, 1, 3});
  const TorusPlacement placement = place_on_torus(mesh, torus, 1);
  check_nodes(placement, torus, 1);
  // Three in a line: two steps of one link, and two links back.
  EXPECT_DOUBLE_EQ(hops_of(placement, Axis::tensor).mean, 4.0 / 3);
  for (const Axis axis : {Axis::pipeline, Axis::data}) {
    EXPECT_LT(hops_of(placement, axis).mean, mean_hops_line_by_line(mesh, torus, axis)) << name_of(axis);
  }
}

// All of Fugaku.
TEST(PlaceOnTorus, PlacesTheWholeMachine) {
  const TorusShape torus = parse_torus("48x69x48");
  const Mesh mesh({3312, 8, 1, 6});
  ASSERT_EQ(mesh.size(), 158'976);
  const TorusPlacement placement = place_on_torus(mesh, torus, 1);
  check_nodes(placement, torus, 1);
  EXPECT_EQ(hops_of(placement, Axis::tensor).mean, 1);  // a ring of 2 x 3
  EXPECT_LT(hops_of(placement, Axis::pipeline).mean, mean_hops_line_by_line(mesh, torus, Axis::pipeline));
}

TEST(PlaceOnTorus, WalksInOneLineWhatDoesNotFit) {
  const TorusShape torus = parse_torus("5x5");
  const Mesh mesh({3, 7, 1, 1});  // 21 of 25 nodes, and sevens cut no five
  const TorusPlacement placement = place_on_torus(mesh, torus, 1);
  check_nodes(placement, torus, 1);
  EXPECT_FALSE(placement.in_boxes);
  for (size_t rank = 1; rank < placement.nodes.size(); ++rank) {
    EXPECT_EQ(hops_between(torus, placement.nodes[rank - 1], placement.nodes[rank]), 1);
  }
}

// What is advised is cut.
TEST(FittingTorus, IsCutIntoBoxes) {
  const struct {
    MeshSizes sizes;
    int64_t ranks_per_node;
    std::string torus;
    int64_t fitting_ranks_per_node;
  } cases[] = {
      {{3, 7, 1, 1}, 1, "7x3x1", 1},
      {{5, 4, 2, 3}, 1, "3x2x20", 1},
      {{4, 1, 1, 6}, 4, "2x4x1", 3},  // four a node would share nodes between groups of six
      {{2, 1, 1, 2}, 9, "1x1x1", 4},
  };
  for (const auto& tested : cases) {
    const Mesh mesh(tested.sizes);
    const FittingTorus fitting = fitting_torus(mesh, tested.ranks_per_node);
    EXPECT_EQ(to_string(fitting.torus), tested.torus);
    EXPECT_EQ(fitting.ranks_per_node, tested.fitting_ranks_per_node);
    EXPECT_TRUE(place_on_torus(mesh, fitting.torus, fitting.ranks_per_node).in_boxes);
  }
}

TEST(PlaceOnTorus, SaysWhenThereIsNoRoom) {
  const Mesh mesh({4, 1, 1, 4});
  EXPECT_EQ(message_of([&] { place_on_torus(mesh, parse_torus("3x1"), 4); }),
            "4 data x 1 pipeline x 1 context x 4 tensor (16 ranks) needs 4 nodes of 4 ranks each, but a torus of "
            "3x1x1 has 3");
  EXPECT_EQ(message_of([&] { place_on_torus(mesh, parse_torus("3x1"), 0); }), "0 ranks a node: expected 1 to 16777216");
}

TEST(Vcoordfile, HasALineARank) {
  const TorusShape torus = parse_torus("2x1");
  EXPECT_EQ(vcoordfile(place_on_torus(Mesh({2, 1, 1, 2}), torus, 2), torus), "(0)\n(0)\n(1)\n(1)\n");
  const TorusShape cube = parse_torus("1x1x2");
  EXPECT_EQ(vcoordfile(place_on_torus(Mesh({2, 1, 1, 1}), cube, 1), cube), "(0,0,0)\n(0,0,1)\n");
}

}  // namespace
}  // namespace kumiko
