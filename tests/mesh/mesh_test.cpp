#include "kumiko/mesh/mesh.h"

#include <gtest/gtest.h>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

TEST(Mesh, PutsTheTensorAxisInnermost) {
  const Mesh mesh(2, 3, 1, 4);
  EXPECT_EQ(mesh.size(), 24);
  EXPECT_EQ(mesh.group(5, Axis::tensor), (std::vector<int64_t>{4, 5, 6, 7}));
  EXPECT_EQ(mesh.group(5, Axis::pipeline), (std::vector<int64_t>{1, 5, 9}));
  EXPECT_EQ(mesh.group(5, Axis::data), (std::vector<int64_t>{5, 17}));
  EXPECT_EQ(mesh.coordinate(17, Axis::data), 1);
  EXPECT_EQ(mesh.to_string(), "2 data x 3 pipeline x 1 context x 4 tensor");
}

TEST(Mesh, RefusesEmptyAxes) { EXPECT_THROW(Mesh(2, 0, 1, 1), Error); }

}  // namespace
}  // namespace kumiko
