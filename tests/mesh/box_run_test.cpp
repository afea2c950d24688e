#include "kumiko/mesh/box_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// The positions in an array that holds `whole` of the elements of `part`, row by row.
std::vector<int64_t> positions(const Box& whole, const Box& part) {
  std::vector<int64_t> all(static_cast<size_t>(whole.num_elements()));
  std::iota(all.begin(), all.end(), 0);
  std::vector<int64_t> result(static_cast<size_t>(part.num_elements()));
  copy_box(part, whole, all.data(), part, result.data(), sizeof(int64_t));
  return result;
}

// Every run of `box`: its boxes, one after the other, hold just its elements in their order.
void check_all_runs(const Box& box) {
  const int64_t total = box.num_elements();
  for (int64_t begin = 0; begin <= total; ++begin) {
    for (int64_t count = 0; begin + count <= total; ++count) {
      const std::vector<Box> boxes = boxes_of_run(box, begin, count);
      EXPECT_LE(boxes.size(), static_cast<size_t>(std::max(1, 2 * box.size.rank() - 1)));
      std::vector<int64_t> elements;
      for (const Box& part : boxes) {
        EXPECT_GT(part.num_elements(), 0);
        EXPECT_EQ(intersect(part, box), part) << part.to_string() << " in " << box.to_string();
        const std::vector<int64_t> of_part = positions(box, part);
        elements.insert(elements.end(), of_part.begin(), of_part.end());
      }
      std::vector<int64_t> expected(static_cast<size_t>(count));
      std::iota(expected.begin(), expected.end(), begin);
      EXPECT_EQ(elements, expected) << "run of " << count << " from " << begin << " of " << box.to_string();
    }
  }
}

TEST(BoxesOfRun, AreTheElementsOfTheRunInTheirOrder) {
  check_all_runs({{0}, {7}});
  check_all_runs({{3, 2}, {4, 5}});
  check_all_runs({{1, 0, 4}, {3, 2, 4}});
  check_all_runs({{0, 5, 0, 1}, {2, 1, 3, 2}});
  check_all_runs({{0, 0}, {1, 6}});
  check_all_runs({{0, 0}, {6, 1}});
}

TEST(BoxesOfRun, OfAScalarAndOfNothing) {
  const Box scalar = Box::whole(Shape(std::vector<int64_t>{}));
  EXPECT_EQ(boxes_of_run(scalar, 0, 1), std::vector<Box>{scalar});
  EXPECT_TRUE(boxes_of_run(scalar, 1, 0).empty());
  EXPECT_TRUE(boxes_of_run({{2, 3}, {0, 4}}, 0, 0).empty());
}

TEST(BoxesOfRun, WholeRowsAreOneBox) {
  EXPECT_EQ(boxes_of_run({{10, 20}, {5, 4}}, 6, 11),
            (std::vector<Box>{{{11, 22}, {1, 2}}, {{12, 20}, {2, 4}}, {{14, 20}, {1, 1}}}));
}

TEST(BoxesOfRun, OutsideTheArrayIsRefused) {
  const Box box{{0, 0}, {2, 3}};
  EXPECT_THROW(boxes_of_run(box, 4, 3), Error);
  EXPECT_THROW(boxes_of_run(box, -1, 2), Error);
  EXPECT_THROW(boxes_of_run(box, 0, -1), Error);
}

}  // namespace
}  // namespace kumiko
