// Sums and maxima over the contributions of several ranks, in one fixed order.
//
// The order is a balanced binary tree over the ranks: neighbours first, ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + ...),
// a rank without a neighbour going up unchanged. It depends on the number of ranks only: not on timing, not on the
// position of an element in its tensor, not on how tensors are cut into pieces or buckets. A tree has two more virtues:
// its rounding error grows with log2 of the number of ranks, and a power of two of ranks that each hold the tree sum of
// a power of two of blocks gives the bits of one rank holding all of them.
#pragma once

#include <cstdint>
#include <span>

#include "kumiko/comm/communicator.h"
#include "kumiko/tensor/dtype.h"

namespace kumiko {

// result[i] = the tree of contributions[r][i] over r. `result` may be one of the contributions. bf16 and f16 are
// accumulated in f32 and rounded once, to nearest even. Maxima of NaN are NaN.
void reduce_tree(DType dtype, ReduceOp op, std::span<const void* const> contributions, void* result, int64_t count);

// One edge of the tree: into[i] = into[i] op from[i]. Not for bf16 and f16, whose partial sums are f32.
void reduce_pair(DType dtype, ReduceOp op, void* into, const void* from, int64_t count);

}  // namespace kumiko
