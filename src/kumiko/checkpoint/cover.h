// Whether boxes make up a tensor: each element in exactly one of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kumiko/mesh/box.h"

namespace kumiko {

// What is wrong with `boxes` as a partition of a tensor of shape `global`: "[0:4, 2:6] lies outside", "... overlap",
// "elements are missing"; nothing if all is well. Fast for boxes cut along few dims, as shards are.
std::optional<std::string> cover_defect(const Shape& global, std::span<const Box> boxes);

// Whether `inner` lies in `outer`.
bool contains(const Box& outer, const Box& inner);

// `box` cut into parts of at most `max_elements` (or single elements), along its outermost dims, so that each part is
// one contiguous run of an array that holds `box`; parts are nearly equal.
std::vector<Box> split_box(const Box& box, int64_t max_elements);

}  // namespace kumiko
