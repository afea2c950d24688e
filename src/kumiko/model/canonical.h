// The order of sums that no layout changes: what train.reproducible is made of.
//
// Ranks of the tensor axis share out sums: over heads and feed-forward columns, over the vocabulary, and under sequence
// parallelism over tokens. In the reproducible mode each is cut into the same C blocks in every layout, C a power of
// two. A block is summed by itself, and the blocks in a balanced binary tree, neighbours first. A rank of t has the C /
// t neighbouring blocks that are its share, so what it sums is a subtree, and the collective's tree over ranks
// (comm/reduction.h) is the rest: the bits of one rank with all blocks. With C = 4 and t = 2:
//   ((b0 + b1) + (b2 + b3))
//     rank 0      rank 1
// In the other mode a rank's share is one block.
#pragma once

#include <vector>

#include "kumiko/model/options.h"
#include "kumiko/model/pass.h"
#include "kumiko/model/tensor_parallel.h"

namespace kumiko {

// The most ranks of the tensor axis that give the same bits. More would cost more on few.
inline constexpr int64_t most_canonical_blocks = 8;

// C: the largest power of two that the model can be cut into along the tensor axis, up to the most.
int64_t canonical_blocks(const ModelOptions& model);

// User error, naming `size` and the sizes that do, unless the tensor axis can have that size in the reproducible mode.
void check_canonical(const ModelOptions& model, int64_t size);

// to = the tree of blocks [begin, end), `end - begin` a power of two. add_block(block, tensor, write) overwrites the
// tensor with a block or adds to it what was completely summed before.
template <class AddBlock>
void sum_blocks(Pass& pass, int64_t begin, int64_t end, const Tensor& to, const AddBlock& add_block) {
  const int64_t half = (end - begin) / 2;
  if (half == 0) return add_block(begin, to, Write::overwrite);
  sum_blocks(pass, begin, begin + half, to, add_block);
  if (half == 1) return add_block(begin + half, to, Write::accumulate);
  const Tensor right = pass.empty(to.shape(), MemoryPurpose::workspace);
  sum_blocks(pass, begin + half, end, right, add_block);
  pass.kernels.add(right, to);
}

// The same of tensors, of which only the first is of use afterwards: it is the sum.
void sum_blocks(Kernels& kernels, const std::vector<Tensor>& blocks);

// Of the outputs of one stack, [first_row, first_row + num_rows) of the weight. In the reproducible mode a piece of
// them that several blocks share (a head of keys for more queries than a block has) has a gradient from each block,
// side by side: num_columns is then a multiple of num_rows.
struct OutputPlace {
  int64_t first_row = 0;
  int64_t num_rows = 0;
  int64_t first_column = 0;
  int64_t num_columns = 0;
  int64_t granule = 1;
};

// gradient [rows of the weight, ...] += columns [columns of dy, ...]: those of one piece are summed in the tree.
void add_columns(Kernels& kernels, const std::vector<OutputPlace>& places, const Tensor& columns,
                 const Tensor& gradient);

}  // namespace kumiko
