#include "kumiko/mesh/box_run.h"

#include "kumiko/base/error.h"

namespace kumiko {
namespace {

// `box` is one index wide along the dims before `dim`; the run counts elements of it. An incomplete row at the start
// and one at the end go one dim further in; the complete rows between them are one box.
void add_run(const Box& box, int dim, int64_t begin, int64_t count, std::vector<Box>& boxes) {
  if (count == 0) return;
  if (count == box.num_elements()) {
    boxes.push_back(box);
    return;
  }
  const int64_t row = box.num_elements() / box.size[dim];
  const auto rows = [&](int64_t first, int64_t num) {
    Box part = box;
    part.offset[dim] += first;
    part.size[dim] = num;
    return part;
  };
  const int64_t end = begin + count;
  const int64_t first_complete = (begin + row - 1) / row;
  const int64_t end_complete = end / row;
  if (first_complete > end_complete) {
    add_run(rows(end_complete, 1), dim + 1, begin - end_complete * row, count, boxes);
    return;
  }
  if (begin < first_complete * row) {
    const int64_t missing = begin - (first_complete - 1) * row;
    add_run(rows(first_complete - 1, 1), dim + 1, missing, row - missing, boxes);
  }
  if (first_complete < end_complete) boxes.push_back(rows(first_complete, end_complete - first_complete));
  if (end > end_complete * row) add_run(rows(end_complete, 1), dim + 1, 0, end - end_complete * row, boxes);
}

}  // namespace

std::vector<Box> boxes_of_run(const Box& box, int64_t begin, int64_t count) {
  if (begin < 0 || count < 0 || begin > box.num_elements() - count) {
    throw_internal("a run of {} elements from {} leaves the {} of the box {}", count, begin, box.num_elements(),
                   box.to_string());
  }
  std::vector<Box> boxes;
  add_run(box, 0, begin, count, boxes);
  return boxes;
}

}  // namespace kumiko
