#include "kumiko/mesh/box.h"

#include <algorithm>
#include <cstring>

#include "kumiko/base/error.h"

namespace kumiko {

Box Box::whole(const Shape& shape) {
  Box box{shape, shape};
  for (int dim = 0; dim < shape.rank(); ++dim) box.offset[dim] = 0;
  return box;
}

std::string Box::to_string() const {
  std::string text = "[";
  for (int dim = 0; dim < size.rank(); ++dim) {
    text += fmt::format("{}{}:{}", dim == 0 ? "" : ", ", offset[dim], offset[dim] + size[dim]);
  }
  return text + "]";
}

std::optional<Box> intersect(const Box& a, const Box& b) {
  if (a.size.rank() != b.size.rank()) {
    throw_internal("boxes of {} and {} dims do not intersect", a.size.rank(), b.size.rank());
  }
  Box common = a;
  for (int dim = 0; dim < a.size.rank(); ++dim) {
    common.offset[dim] = std::max(a.offset[dim], b.offset[dim]);
    common.size[dim] = std::min(a.offset[dim] + a.size[dim], b.offset[dim] + b.size[dim]) - common.offset[dim];
    if (common.size[dim] <= 0) return std::nullopt;
  }
  return common;
}

// The position of the element at global index `index` in an array that holds `box`.
static int64_t position_in(const Box& box, const Shape& index) {
  int64_t position = 0;
  for (int dim = 0; dim < box.size.rank(); ++dim) position = position * box.size[dim] + index[dim] - box.offset[dim];
  return position;
}

void copy_box(const Box& part, const Box& source, const void* from, const Box& destination, void* to,
              size_t element_size) {
  if (part.num_elements() == 0) return;
  // The trailing dims that `part` spans whole in both arrays form one contiguous run with the dim before them.
  int run_dim = part.size.rank() - 1;
  while (run_dim > 0 && part.size[run_dim] == source.size[run_dim] && part.size[run_dim] == destination.size[run_dim]) {
    --run_dim;
  }
  int64_t run = 1;
  for (int dim = std::max(run_dim, 0); dim < part.size.rank(); ++dim) run *= part.size[dim];
  const size_t run_bytes = static_cast<size_t>(run) * element_size;

  Shape index = part.offset;
  while (true) {
    std::memcpy(static_cast<char*>(to) + static_cast<size_t>(position_in(destination, index)) * element_size,
                static_cast<const char*>(from) + static_cast<size_t>(position_in(source, index)) * element_size,
                run_bytes);
    int dim = run_dim - 1;
    while (dim >= 0 && ++index[dim] == part.offset[dim] + part.size[dim]) {
      index[dim] = part.offset[dim];
      --dim;
    }
    if (dim < 0) return;
  }
}

}  // namespace kumiko
