// A contiguous run of an array, as boxes: what a rank holds that owns a stretch of memory rather than rows or columns.
#pragma once

#include <cstdint>
#include <vector>

#include "kumiko/mesh/box.h"

namespace kumiko {

// The elements [begin, begin + count) of an array that holds `box` row-major, as boxes in global indices: at most
// 2 rank - 1 of them, none empty, in the order of the elements, each a contiguous run of the array. So the boxes of a
// run lie one after the other wherever the run does. Internal error if the run leaves the array.
std::vector<Box> boxes_of_run(const Box& box, int64_t begin, int64_t count);

}  // namespace kumiko
