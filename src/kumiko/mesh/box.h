// A box: a rectangular part of a tensor's global shape. Shards, ZeRO and checkpoints all speak boxes.
#pragma once

#include <optional>
#include <string>

#include "kumiko/tensor/shape.h"

namespace kumiko {

struct Box {
  Shape offset;  // first index along each dim
  Shape size;    // extent along each dim

  static Box whole(const Shape& shape);

  int64_t num_elements() const { return size.num_elements(); }
  std::string to_string() const;  // "[0:4, 128:256]"
  friend bool operator==(const Box&, const Box&) = default;
};

// The common part; nothing if they do not meet. Both must have the same number of dims.
std::optional<Box> intersect(const Box& a, const Box& b);

// Copies the elements of `part` (in global indices) from an array that holds `source` to an array that holds
// `destination`, both row-major and contiguous; `part` must lie in both. Contiguous runs are copied at once.
void copy_box(const Box& part, const Box& source, const void* from, const Box& destination, void* to,
              size_t element_size);

}  // namespace kumiko
