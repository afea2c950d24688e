// How a product is cut into blocks: every tunable of it, and the places of packed operands.
#pragma once

#include <algorithm>

#include "kumiko/kernels/cpu/product.h"

namespace kumiko::cpu {

struct RegisterTile {
  int64_t rows = 0;
  int64_t columns = 0;
};

// Terms summed in registers at a time: a panel of B of this depth stays in the first-level cache (12 KiB with AVX2).
inline constexpr int64_t slice_terms = 192;
// Rows of A that a task packs: one slice of them stays in the second-level cache (108 KiB).
inline constexpr int64_t most_block_rows = 144;
// Columns whose sums are held, in float, until they are finished.
inline constexpr int64_t group_columns = 256;
// The packed part of B: 16 MiB of floats at most, and more only for sums that cannot be cut.
inline constexpr int64_t most_packed = int64_t{1} << 22;
inline constexpr int64_t most_terms = 1024;
// Packing of B: terms at a time, and panels that a thread takes.
inline constexpr int64_t pack_terms = 128;
inline constexpr int64_t panels_at_once = 4;
inline constexpr int64_t floats_per_line = 16;  // of the caches
// Packing writes up to this many floats beyond a panel.
inline constexpr int64_t pack_slack = 16;

struct ProductPlan {
  const Product* product = nullptr;
  RegisterTile tile;
  int64_t block_rows = 0;
  // The part at hand.
  int64_t first_column = 0;
  int64_t columns = 0;
  int64_t first_term = 0;
  int64_t depth = 0;
  Write write = Write::overwrite;
  const float* bias = nullptr;
  float* packed_b = nullptr;

  int64_t num_column_panels() const { return (columns + tile.columns - 1) / tile.columns; }
  int64_t column_panel_stride() const { return depth * tile.columns; }
  // Of the present column `c`, a multiple of the tile's.
  const float* column_panel(int64_t c) const { return packed_b + c / tile.columns * column_panel_stride(); }
  int64_t packed_b_size() const { return num_column_panels() * column_panel_stride() + pack_slack; }
  // Floats that each thread needs: sums, and packed rows.
  int64_t scratch_size() const {
    const int64_t num_slices = (depth + slice_terms - 1) / slice_terms;
    return block_rows * group_columns + num_slices * (block_rows / tile.rows) * row_panel_stride();
  }
  // The panel of rows from the block's row `r` on, of the slice from `term` on.
  float* row_panel(float* packed, int64_t term, int64_t r) const {
    return packed + (term / slice_terms * (block_rows / tile.rows) + r / tile.rows) * row_panel_stride();
  }
  // The sums of a group: panels of the tile's columns.
  template <class Float>
  Float* sums_at(Float* sums, int64_t r, int64_t c) const {
    return sums + c * block_rows + r * tile.columns;
  }
  int64_t row_panel_stride() const { return slice_terms * tile.rows + pack_slack; }
};

inline ProductPlan plan_product(const Product& product, RegisterTile tile, int num_threads) {
  const auto parts_of = [](int64_t value, int64_t part) { return (value + part - 1) / part; };
  ProductPlan plan;
  plan.product = &product;
  plan.tile = tile;
  // Blocks of about the same size, as many for each thread.
  int64_t num_blocks = parts_of(product.num_rows, most_block_rows);
  if (num_blocks > 1) num_blocks = parts_of(num_blocks, num_threads) * num_threads;
  plan.block_rows = parts_of(parts_of(product.num_rows, num_blocks), tile.rows) * tile.rows;
  // Sums are cut where the result can hold a part of them without rounding it.
  const bool cut = product.c.type == DType::f32 && product.c.finish == ProductFinish::plain && !product.whole_sums;
  plan.depth = cut ? std::min(most_terms, product.depth) : product.depth;
  const int64_t columns = std::max(group_columns, most_packed / plan.depth / group_columns * group_columns);
  plan.columns = std::min(columns, product.num_columns);
  return plan;
}

}  // namespace kumiko::cpu
