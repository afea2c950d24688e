// Products of small blocks that lie in cache: C = or += A B, in tiles of registers. What attention is made of.
//
// Blocks are row-major float; B and C rows are whole vectors, and the rows of C come in whole tiles, so that there is
// no remainder to handle. A need not be padded beyond its tile rows.
#if defined(KUMIKO_KERNELS_CPU_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_TILE_INL_H_
#undef KUMIKO_KERNELS_CPU_TILE_INL_H_
#else
#define KUMIKO_KERNELS_CPU_TILE_INL_H_
#endif

#include "kumiko/kernels/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// Two vectors a row: 12 rows fill 24 of 32 registers (AVX-512, NEON, SVE), 6 rows 12 of 16.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SCALAR
inline constexpr int64_t tile_rows = 6;
#else
inline constexpr int64_t tile_rows = 12;
#endif

enum class Layout { rows, transposed };  // element (i, p) of A: a[i * lda + p], or a[p * lda + i]

// Vectors cannot stand in arrays where their size is not known before run time (SVE): hence one name for each.
#define KUMIKO_TILE_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

// C [tile_rows, kVectors vectors] = or += A [tile_rows, depth] B [depth, kVectors vectors].
template <Layout kLayout, int kVectors, bool kAccumulate>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, int64_t lda, const float* HWY_RESTRICT b, int64_t ldb,
                              int64_t depth, float* HWY_RESTRICT c, int64_t ldc) {
  const Floats f;
  const int64_t lanes = num_lanes();
#define KUMIKO_ZERO(i)        \
  auto left##i = hn::Zero(f); \
  auto right##i = hn::Zero(f);
  KUMIKO_TILE_ROWS(KUMIKO_ZERO)
#undef KUMIKO_ZERO
  // Four terms a turn save instructions; without the fences the compiler would mix them and run out of registers.
#define KUMIKO_MULTIPLY(i)                                                                  \
  if constexpr (i < tile_rows) {                                                            \
    const auto a_value = hn::Set(f, kLayout == Layout::rows ? a_term[i * lda] : a_term[i]); \
    left##i = hn::MulAdd(a_value, b_left, left##i);                                         \
    if constexpr (kVectors == 2) right##i = hn::MulAdd(a_value, b_right, right##i);         \
  }
  constexpr int64_t terms = 8;
  int64_t p = 0;
  for (; p + terms <= depth; p += terms) {
    HWY_UNROLL(8)
    for (int64_t q = 0; q < terms; ++q) {
      HWY_FENCE;
      const float* a_term = a + (p + q) * (kLayout == Layout::rows ? 1 : lda);
      const auto b_left = hn::LoadU(f, b + (p + q) * ldb);
      auto b_right = b_left;
      if constexpr (kVectors == 2) b_right = hn::LoadU(f, b + (p + q) * ldb + lanes);
      KUMIKO_TILE_ROWS(KUMIKO_MULTIPLY)
    }
  }
  for (; p < depth; ++p) {
    const float* a_term = a + p * (kLayout == Layout::rows ? 1 : lda);
    const auto b_left = hn::LoadU(f, b + p * ldb);
    auto b_right = b_left;
    if constexpr (kVectors == 2) b_right = hn::LoadU(f, b + p * ldb + lanes);
    KUMIKO_TILE_ROWS(KUMIKO_MULTIPLY)
  }
#undef KUMIKO_MULTIPLY
#define KUMIKO_STORE(i)                                                                   \
  if constexpr (i < tile_rows) {                                                          \
    float* row = c + i * ldc;                                                             \
    if constexpr (kAccumulate) left##i = hn::Add(left##i, hn::LoadU(f, row));             \
    hn::StoreU(left##i, f, row);                                                          \
    if constexpr (kVectors == 2) {                                                        \
      if constexpr (kAccumulate) right##i = hn::Add(right##i, hn::LoadU(f, row + lanes)); \
      hn::StoreU(right##i, f, row + lanes);                                               \
    }                                                                                     \
  }
  KUMIKO_TILE_ROWS(KUMIKO_STORE)
#undef KUMIKO_STORE
}

// The part of a product that matters for one tile of rows: columns [first_column, columns), terms [first, depth). What
// else is written of C, or left as it was, is not said.
struct TileRange {
  int64_t columns;
  int64_t first;
  int64_t depth;
  int64_t first_column = 0;
};

// C [rows, ...] = or += A B, with rows a multiple of tile_rows; range(row) says what the tile from `row` on needs.
template <Layout kLayout, bool kAccumulate, class Range>
HWY_INLINE void multiply(int64_t rows, int64_t columns, const float* HWY_RESTRICT a, int64_t lda,
                         const float* HWY_RESTRICT b, int64_t ldb, float* HWY_RESTRICT c, int64_t ldc,
                         const Range& range) {
  const int64_t lanes = num_lanes();
  // Columns outside, so that their part of B stays in the first-level cache.
  for (int64_t column = 0; column < columns; column += 2 * lanes) {
    for (int64_t row = 0; row < rows; row += tile_rows) {
      const TileRange part = range(row);
      if (column >= part.columns || part.first >= part.depth) continue;
      if (column + 2 * lanes <= part.first_column) continue;
      const float* a_part = kLayout == Layout::rows ? a + row * lda + part.first : a + part.first * lda + row;
      const float* b_part = b + part.first * ldb + column;
      float* c_part = c + row * ldc + column;
      const int64_t depth = part.depth - part.first;
      if (column + lanes < columns) {
        multiply_tile<kLayout, 2, kAccumulate>(a_part, lda, b_part, ldb, depth, c_part, ldc);
      } else {
        multiply_tile<kLayout, 1, kAccumulate>(a_part, lda, b_part, ldb, depth, c_part, ldc);
      }
    }
  }
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
