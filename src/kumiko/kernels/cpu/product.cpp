#include "kumiko/kernels/cpu/product.h"

#include <omp.h>

#include <algorithm>

#include "kumiko/kernels/cpu/parallel.h"
#include "kumiko/kernels/cpu/product_plan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/product.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/product_pack-inl.h"
#include "kumiko/kernels/cpu/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

RegisterTile ProductTile() { return {tile_rows, 2 * num_lanes()}; }

// Panels [begin, end) of B's present columns and terms.
void PackColumns(const ProductPlan& plan, int64_t begin, int64_t end) {
  const Product& product = *plan.product;
  const int64_t width = plan.tile.columns;
  const int64_t line = plan.first_column + begin * width;
  const int64_t num_lines = std::min(plan.columns - begin * width, (end - begin) * width);
  // A few terms of all panels at a time, as neighbouring panels share pages and cache lines of B.
  for (int64_t term = 0; term < plan.depth; term += pack_terms) {
    pack_panels(product.b, line, plan.first_term + term,
                {plan.packed_b + begin * plan.column_panel_stride() + term * width, plan.column_panel_stride(), width,
                 num_lines, product.num_columns - line, std::min(pack_terms, plan.depth - term)});
  }
}

namespace {

// Sums that are complete, and their place in C: column panels as wide as the tile, row after row.
struct FinishedBlock {
  int64_t row, num_rows;
  int64_t column, num_columns;
  const float* sums;
};

HWY_INLINE void prefetch_row(const ProductPlan& plan, const FinishedBlock& block, int64_t r) {
  if (r >= block.num_rows) return;
  const auto element = static_cast<int64_t>(size_of(plan.product->c.type));
  const char* c = static_cast<const char*>(plan.product->c.data) +
                  ((block.row + r) * plan.product->num_columns + block.column) * element;
  for (int64_t i = 0; i < block.num_columns * element; i += 64) __builtin_prefetch(c + i, 1, 2);
}

template <class Store>
HWY_INLINE void finish_rows(const ProductPlan& plan, const FinishedBlock& block, const Store& store) {
  constexpr int64_t rows_ahead = 3;
  const int64_t width = plan.tile.columns;
  for (int64_t r = 0; r < block.num_rows; ++r) {
    const int64_t row = (block.row + r) * plan.product->num_columns;
    prefetch_row(plan, block, r + rows_ahead);
    for (int64_t first = 0; first < block.num_columns; first += width) {
      const float* sums = plan.sums_at(block.sums, r, first);
      const int64_t column = block.column + first;
      sweep(std::min(width, block.num_columns - first), [&](int64_t c, const auto& access) HWY_ATTR {
        auto sum = access.load(sums + c);
        if (plan.bias != nullptr) sum = hn::Add(sum, access.load(plan.bias + column + c));
        store(sum, row + column + c, access);
      });
    }
  }
}

HWY_INLINE void finish(const ProductPlan& plan, const FinishedBlock& block) {
  const Product& product = *plan.product;
  with_element(product.c.type, [&]<class Element>(Element) HWY_ATTR {
    auto* const out = static_cast<Element*>(product.c.data);
    auto* const pre = static_cast<Element*>(product.c.pre);
    if (product.c.finish == ProductFinish::gelu) {
      finish_rows(plan, block, [=](auto sum, int64_t i, const auto& access) HWY_ATTR {
        access.store(sum, pre + i);
        // Of the value as it is kept, which is the one that the backward will see.
        access.store(gelu(access.load(pre + i)), out + i);
      });
    } else if (product.c.finish == ProductFinish::gelu_gradient) {
      finish_rows(plan, block, [=](auto sum, int64_t i, const auto& access) HWY_ATTR {
        access.store(hn::Mul(sum, gelu_derivative(access.load(pre + i))), out + i);
      });
    } else if (plan.write == Write::accumulate) {
      finish_rows(plan, block, [=](auto sum, int64_t i, const auto& access) HWY_ATTR {
        access.store(hn::Add(access.load(out + i), sum), out + i);
      });
    } else {
      finish_rows(plan, block, [=](auto sum, int64_t i, const auto& access) HWY_ATTR { access.store(sum, out + i); });
    }
  });
}

HWY_INLINE void pack_rows_of(const ProductPlan& plan, int64_t row, int64_t num_rows, float* packed) {
  for (int64_t term = 0; term < plan.depth; term += slice_terms) {
    pack_panels(plan.product->a, row, plan.first_term + term,
                {plan.row_panel(packed, term, 0), plan.row_panel_stride(), tile_rows, num_rows,
                 plan.product->num_rows - row, std::min(slice_terms, plan.depth - term)});
  }
}

}  // namespace

// Rows of one block by columns [begin, end), counted from the plan's first.
void MultiplyBlock(const ProductPlan& plan, int64_t row, int64_t begin, int64_t end, float* scratch) {
  const int64_t width = 2 * num_lanes();
  const int64_t num_rows = std::min(plan.block_rows, plan.product->num_rows - row);
  const int64_t num_tiles = (num_rows + tile_rows - 1) / tile_rows;
  float* const sums = scratch;
  float* const packed_a = scratch + plan.block_rows * group_columns;
  pack_rows_of(plan, row, num_rows, packed_a);
  for (int64_t column = begin; column < end; column += group_columns) {
    const int64_t columns = std::min(group_columns, end - column);
    for (int64_t term = 0; term < plan.depth; term += slice_terms) {
      const int64_t depth = std::min(slice_terms, plan.depth - term);
      for (int64_t c = 0; c < columns; c += width) {
        const float* b = plan.column_panel(column + c) + term * width;
        // While this panel is multiplied, the next one comes closer, a part with each tile.
        const float* next = b + plan.column_panel_stride();
        const int64_t part = (depth * width + num_tiles - 1) / num_tiles;
        for (int64_t r = 0; r < num_rows; r += tile_rows, next += part) {
          for (int64_t i = 0; i < part; i += floats_per_line) __builtin_prefetch(next + i, 0, 2);
          const float* a = plan.row_panel(packed_a, term, r);
          float* to = plan.sums_at(sums, r, c);
          if (term == 0) {
            multiply_tile<Layout::transposed, 2, false>(a, tile_rows, b, width, depth, to, width);
          } else {
            multiply_tile<Layout::transposed, 2, true>(a, tile_rows, b, width, depth, to, width);
          }
        }
      }
    }
    finish(plan, {row, num_rows, plan.first_column + column, columns, sums});
  }
}

void DotRows(const Product& product, int64_t begin, int64_t end) {
  with_element(product.a.type, [&]<class Element>(Element) HWY_ATTR {
    const auto* x = static_cast<const Element*>(product.a.data);
    const auto* w = static_cast<const float*>(product.b.data);
    auto* y = static_cast<Element*>(product.c.data);
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t t = 0; t < product.num_rows; ++t) {
        float sum = dot(x + t * product.a.line_stride, w + n * product.b.line_stride, product.depth);
        if (product.c.bias != nullptr) sum += product.c.bias[n];
        Element& out = y[t * product.num_columns + n];
        out = Element(product.c.write == Write::accumulate ? static_cast<float>(out) + sum : sum);
      }
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(ProductTile);
HWY_EXPORT(PackColumns);
HWY_EXPORT(MultiplyBlock);
HWY_EXPORT(DotRows);

// One range of terms by one range of columns.
void multiply_part(const ProductPlan& plan, int num_threads, float* scratch) {
  const int64_t num_panels = plan.num_column_panels();
  const int64_t num_blocks = (plan.product->num_rows + plan.block_rows - 1) / plan.block_rows;
  const int64_t num_groups = (plan.columns + group_columns - 1) / group_columns;
  // Blocks are cut by columns only if there are fewer than threads, as each part repeats the packing of its rows.
  const int64_t parts = std::clamp<int64_t>((num_threads + num_blocks - 1) / num_blocks, 1, num_groups);
  const int64_t part_columns = (num_groups + parts - 1) / parts * group_columns;
#pragma omp parallel num_threads(num_threads)
  {
#pragma omp for schedule(dynamic)
    for (int64_t panel = 0; panel < num_panels; panel += panels_at_once) {
      HWY_DYNAMIC_DISPATCH(PackColumns)(plan, panel, std::min(panel + panels_at_once, num_panels));
    }
    float* const mine = scratch + omp_get_thread_num() * plan.scratch_size();
#pragma omp for schedule(dynamic)
    for (int64_t task = 0; task < num_blocks * parts; ++task) {
      const int64_t begin = task % parts * part_columns;
      const int64_t end = std::min(begin + part_columns, plan.columns);
      if (begin < end) HWY_DYNAMIC_DISPATCH(MultiplyBlock)(plan, task / parts * plan.block_rows, begin, end, mine);
    }
  }
}

}  // namespace

void multiply(const Product& product, int num_threads, Workspace& workspace) {
  ProductPlan plan = plan_product(product, HWY_DYNAMIC_DISPATCH(ProductTile)(), num_threads);
  const int64_t columns_at_once = plan.columns;
  const int64_t terms_at_once = plan.depth;
  plan.packed_b = workspace.floats(plan.packed_b_size() + num_threads * plan.scratch_size());
  float* const scratch = plan.packed_b + plan.packed_b_size();
  for (plan.first_term = 0; plan.first_term < product.depth; plan.first_term += terms_at_once) {
    plan.depth = std::min(terms_at_once, product.depth - plan.first_term);
    plan.write = plan.first_term == 0 ? product.c.write : Write::accumulate;
    plan.bias = plan.first_term == 0 ? product.c.bias : nullptr;
    for (plan.first_column = 0; plan.first_column < product.num_columns; plan.first_column += columns_at_once) {
      plan.columns = std::min(columns_at_once, product.num_columns - plan.first_column);
      multiply_part(plan, num_threads, scratch);
    }
  }
}

void multiply_few_rows(const Product& product, int num_threads) {
  parallel_ranges(num_threads, product.num_columns, row_grain(product.depth), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(DotRows)(product, begin, end);
  });
}

}  // namespace kumiko::cpu
#endif
