#include <omp.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "kumiko/kernels/cpu/attention.h"
#include "kumiko/kernels/cpu/attention_head.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/attention_backward.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/attention_block-inl.h"
#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {
namespace {

// Everything of one key-value head, in blocks: rows [S, width] and transposes [D, block] for each block of keys.
struct BackwardBuffers {
  BackwardBuffers(int64_t sequence, int64_t head_size, float* memory)
      : rows(round_up(sequence, attention_block)), width(round_up(head_size, num_lanes())) {
    const auto take = [&memory](int64_t count) { return std::exchange(memory, memory + count); };
    keys = take(rows * width);
    keys_transposed = take(rows * head_size);
    values_transposed = take(rows * head_size);
    queries = take(rows * width);
    douts = take(rows * width);
    dqueries = take(rows * width);
    dkeys = take(rows * width);
    dvalues = take(rows * width);
    scores = take(attention_block * attention_block);
    dscores = take(attention_block * attention_block);
    log_sum_exp = take(rows);
    delta = take(rows);
  }

  static int64_t num_floats(int64_t sequence, int64_t head_size) {
    const int64_t rows = round_up(sequence, attention_block);
    return rows * (6 * round_up(head_size, num_lanes()) + 2 * head_size + 2) + 2 * attention_block * attention_block;
  }

  int64_t rows, width;
  float *keys, *keys_transposed, *values_transposed;
  float *queries, *douts;  // queries are multiplied by scale log2(e)
  float *dqueries, *dkeys, *dvalues;
  float *scores, *dscores;  // of one pair of blocks
  float* log_sum_exp;       // in powers of two; infinity beyond the last query
  float* delta;             // dout . out
};

HWY_INLINE void pack_keys(const AttentionHead& head, const BackwardBuffers& buffers) {
  for (int64_t j = 0; j < head.num_keys; j += attention_block) {
    const int64_t count = std::min(attention_block, head.num_keys - j);
    pack_rows(head.k, j, count, head.head_size, 1, buffers.keys + j * buffers.width, attention_block, buffers.width);
    pack_transposed(head.k, j, count, head.head_size, buffers.keys_transposed + j * head.head_size);
    pack_transposed(head.v, j, count, head.head_size, buffers.values_transposed + j * head.head_size);
  }
}

HWY_INLINE void pack_queries(const AttentionHead& head, const BackwardBuffers& buffers) {
  const int64_t sequence = head.num_queries;
  pack_rows(head.q, 0, sequence, head.head_size, head.scale * log2_of_e, buffers.queries, buffers.rows, buffers.width);
  pack_rows(head.dout, 0, sequence, head.head_size, 1, buffers.douts, buffers.rows, buffers.width);
  std::fill(buffers.dqueries, buffers.dqueries + buffers.rows * buffers.width, 0.0F);
  for (int64_t r = 0; r < sequence; ++r) {
    buffers.log_sum_exp[r] = head.log_sum_exp[r] * log2_of_e;
    with_element(head.out.type, [&]<class Element>(Element) HWY_ATTR {
      buffers.delta[r] = dot(head.dout.row<Element>(r), head.out.row<Element>(r), head.head_size);
    });
  }
  std::fill(buffers.log_sum_exp + sequence, buffers.log_sum_exp + buffers.rows, std::numeric_limits<float>::infinity());
  std::fill(buffers.delta + sequence, buffers.delta + buffers.rows, 0.0F);
}

// One row: scores become the (dropped) probabilities P, dscores = dout . v become P (dscores - delta). kHidden: the
// pair has first_keys.
template <bool kHidden>
HWY_INLINE void gradient_row(const AttentionHead& head, const BlockPair& pair, int64_t row,
                             const BackwardBuffers& buffers) {
  const Floats f;
  const int64_t lanes = num_lanes();
  float* scores = buffers.scores + row * attention_block;
  float* dscores = buffers.dscores + row * attention_block;
  const int64_t visible = visible_keys(pair, row);
  const int64_t padded = round_up(visible, lanes);
  if (visible < attention_block) {
    std::fill(scores + visible, scores + padded, -std::numeric_limits<float>::infinity());
    std::fill(dscores + visible, dscores + padded, 0.0F);
    std::fill(scores + padded, scores + attention_block, 0.0F);
    std::fill(dscores + padded, dscores + attention_block, 0.0F);
  }
  int64_t begin = 0;
  if constexpr (kHidden) {
    const int64_t hidden = std::min(hidden_keys(pair, row), visible);
    begin = hidden == visible ? padded : hidden / lanes * lanes;
    std::fill(scores, scores + begin, 0.0F);
    std::fill(scores + begin, scores + std::max(begin, hidden), -std::numeric_limits<float>::infinity());
    std::fill(dscores, dscores + std::max(begin, hidden), 0.0F);
  }
  const auto log_sum_exp = hn::Set(f, buffers.log_sum_exp[pair.first_query + row]);
  const auto delta = hn::Set(f, buffers.delta[pair.first_query + row]);
  if (head.mask == nullptr) {
    for (int64_t c = begin; c < padded; c += lanes) {
      const auto probability = exp2(hn::Sub(hn::LoadU(f, scores + c), log_sum_exp));
      hn::StoreU(probability, f, scores + c);
      hn::StoreU(hn::Mul(probability, hn::Sub(hn::LoadU(f, dscores + c), delta)), f, dscores + c);
    }
    return;
  }
  HWY_ALIGN float factors[attention_block];
  dropout_factors(head, pair, row, padded, factors);
  for (int64_t c = begin; c < padded; c += lanes) {
    const auto probability = exp2(hn::Sub(hn::LoadU(f, scores + c), log_sum_exp));
    const auto factor = hn::Load(f, factors + c);
    hn::StoreU(hn::Mul(probability, factor), f, scores + c);
    hn::StoreU(hn::Mul(probability, hn::MulSub(hn::LoadU(f, dscores + c), factor, delta)), f, dscores + c);
  }
}

// The inner body of algorithm 2 for one pair of blocks.
template <bool kHidden>
HWY_INLINE void backward_pair(const AttentionHead& head, const BlockPair& pair, const BackwardBuffers& buffers) {
  const int64_t i = pair.first_query;
  const int64_t j = pair.first_key;
  const int64_t size = head.head_size;
  const int64_t width = buffers.width;
  const int64_t block = attention_block;
  const int64_t rows = round_up(pair.num_queries, tile_rows);
  const auto last_visible = [&](int64_t row) { return visible_keys(pair, row + tile_rows - 1); };
  const auto first_visible = [&](int64_t row) { return kHidden ? hidden_keys(pair, row) : 0; };
  const auto score_range = [&](int64_t row) { return TileRange{last_visible(row), 0, size, first_visible(row)}; };
  multiply<Layout::rows, false>(rows, block, buffers.queries + i * width, width, buffers.keys_transposed + j * size,
                                block, buffers.scores, block, score_range);
  multiply<Layout::rows, false>(rows, block, buffers.douts + i * width, width, buffers.values_transposed + j * size,
                                block, buffers.dscores, block, score_range);
  for (int64_t r = 0; r < rows; ++r) gradient_row<kHidden>(head, pair, r, buffers);
  // The tile of keys from `key` on is first seen by query row key - shift, and last by one that begins before its end.
  const auto last_row = [&](int64_t key) { return kHidden ? queries_before(pair, key + tile_rows) : rows; };
  const auto key_range = [&](int64_t key) {
    return TileRange{key < pair.num_keys ? width : 0, std::max<int64_t>(0, key - pair.shift), last_row(key)};
  };
  multiply<Layout::transposed, true>(block, width, buffers.scores, block, buffers.douts + i * width, width,
                                     buffers.dvalues + j * width, width, key_range);
  multiply<Layout::transposed, true>(block, width, buffers.dscores, block, buffers.queries + i * width, width,
                                     buffers.dkeys + j * width, width, key_range);
  multiply<Layout::rows, true>(rows, width, buffers.dscores, block, buffers.keys + j * width, width,
                               buffers.dqueries + i * width, width, [&](int64_t row) {
                                 return TileRange{width, first_visible(row), last_visible(row)};
                               });
}

}  // namespace

int64_t BackwardWorkspace(int64_t sequence, int64_t head_size) {
  return BackwardBuffers::num_floats(sequence, head_size);
}

// Algorithm 2 for the query heads that share one key-value head, in their order.
void BackwardHeads(const AttentionHead* heads, int64_t num_heads, const HeadRows& dk, const HeadRows& dv,
                   float* workspace) {
  const AttentionHead& first = heads[0];
  const BackwardBuffers buffers(first.num_keys, first.head_size, workspace);
  const auto times = [](float factor) { return [factor](int64_t) { return factor; }; };
  pack_keys(first, buffers);
  std::fill(buffers.dkeys, buffers.dkeys + buffers.rows * buffers.width, 0.0F);
  std::fill(buffers.dvalues, buffers.dvalues + buffers.rows * buffers.width, 0.0F);
  for (int64_t a = 0; a < num_heads; ++a) {
    const AttentionHead& head = heads[a];
    pack_queries(head, buffers);
    for (int64_t j = 0; j < head.num_keys; j += attention_block) {
      for (int64_t i = head.causal ? j : 0; i < head.num_queries; i += attention_block) {
        // Nor does any later query see these keys.
        if (first_block_of(head, i) > j) break;
        const BlockPair pair = pair_of(head, i, j);
        pair.first_keys == nullptr ? backward_pair<false>(head, pair, buffers)
                                   : backward_pair<true>(head, pair, buffers);
      }
    }
    unpack_rows(buffers.dqueries, buffers.width, times(head.scale), head.dq, 0, head.num_queries, head.head_size);
  }
  // The queries were multiplied by scale log2(e), of which dk wants scale.
  unpack_rows(buffers.dkeys, buffers.width, times(ln_of_2), dk, 0, first.num_keys, first.head_size);
  unpack_rows(buffers.dvalues, buffers.width, times(1), dv, 0, first.num_keys, first.head_size);
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(BackwardWorkspace);
HWY_EXPORT(BackwardHeads);

}  // namespace

void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                        const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout, const HeadsView& dq,
                        const HeadsView& dk, const HeadsView& dv, int num_threads, Workspace& workspace) {
  const int64_t group = shape.num_heads / shape.num_kv_heads;
  const int64_t scratch = HWY_DYNAMIC_DISPATCH(BackwardWorkspace)(shape.num_keys, shape.head_size);
  float* const memory = workspace.floats(scratch * num_threads);
#pragma omp parallel for schedule(dynamic) num_threads(num_threads)
  for (int64_t task = 0; task < shape.batch * shape.num_kv_heads; ++task) {
    const int64_t b = task / shape.num_kv_heads;
    const int64_t kv_head = task % shape.num_kv_heads;
    std::vector<AttentionHead> heads;
    for (int64_t a = kv_head * group; a < (kv_head + 1) * group; ++a) {
      AttentionHead head = head_of(shape, q, k, v, out, log_sum_exp, b, a);
      head.dout = head_rows(dout, b, a, shape.head_size);
      head.dq = head_rows(dq, b, a, shape.head_size);
      heads.push_back(head);
    }
    HWY_DYNAMIC_DISPATCH(BackwardHeads)
    (heads.data(), group, head_rows(dk, b, kv_head, shape.head_size), head_rows(dv, b, kv_head, shape.head_size),
     memory + scratch * omp_get_thread_num());
  }
}

}  // namespace kumiko::cpu
#endif
