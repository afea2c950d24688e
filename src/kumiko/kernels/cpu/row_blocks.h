// Sums over rows that do not depend on the number of threads.
#pragma once

#include <algorithm>
#include <cstdint>

namespace kumiko::cpu {

// Rows are summed in blocks whose size depends on the number of rows alone, and the blocks in their order: the same
// bits with any number of threads.
struct RowBlocks {
  explicit RowBlocks(int64_t num_rows) : rows(num_rows), size(std::max<int64_t>(32, (num_rows + 63) / 64)) {}
  int64_t count() const { return (rows + size - 1) / size; }
  int64_t begin(int64_t block) const { return block * size; }
  int64_t end(int64_t block) const { return std::min(rows, (block + 1) * size); }

  int64_t rows, size;
};

// out [width] += the blocks' partial sums, `stride` apart.
inline void add_partial_sums(const float* partial, int64_t stride, int64_t num_blocks, int64_t width, float* out) {
  for (int64_t block = 0; block < num_blocks; ++block) {
    for (int64_t h = 0; h < width; ++h) out[h] += partial[block * stride + h];
  }
}

}  // namespace kumiko::cpu
