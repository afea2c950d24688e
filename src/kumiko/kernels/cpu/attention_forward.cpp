#include <omp.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kumiko/kernels/cpu/attention.h"
#include "kumiko/kernels/cpu/attention_head.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/attention_forward.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/attention_block-inl.h"
#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {
namespace {

// The running state of the online softmax for one block of queries.
struct ForwardBlock {
  float* queries;  // [block, width], times scale log2(e)
  float* scores;   // [block, block]
  float* sums;     // [block, width] of probability times value
  float* totals;   // [block, lanes]; a row's lanes are added up at the end
  float max[attention_block];
};

// Scores of one row become unnormalised probabilities; the row's earlier sums are scaled to the new maximum.
// kHidden: the pair has first_keys.
template <bool kHidden>
HWY_INLINE void softmax_row(const AttentionHead& head, const BlockPair& pair, int64_t row, int64_t width,
                            ForwardBlock& block) {
  const Floats f;
  const int64_t lanes = num_lanes();
  float* scores = block.scores + row * attention_block;
  const int64_t visible = visible_keys(pair, row);
  const int64_t padded = round_up(visible, lanes);
  if (visible < attention_block) {
    std::fill(scores + visible, scores + padded, -std::numeric_limits<float>::infinity());
    std::fill(scores + padded, scores + attention_block, 0.0F);
    if (visible == 0) return;
  }
  int64_t begin = 0;
  if constexpr (kHidden) {
    const int64_t hidden = std::min(hidden_keys(pair, row), visible);
    begin = hidden == visible ? padded : hidden / lanes * lanes;
    std::fill(scores, scores + begin, 0.0F);
    if (hidden == visible) return;
    std::fill(scores + begin, scores + hidden, -std::numeric_limits<float>::infinity());
  }
  // Two chains, as one would wait for its own results.
  auto largest_even = hn::Set(f, block.max[row]);
  auto largest_odd = largest_even;
  int64_t column = begin;
  for (; column + 2 * lanes <= padded; column += 2 * lanes) {
    largest_even = hn::Max(largest_even, hn::LoadU(f, scores + column));
    largest_odd = hn::Max(largest_odd, hn::LoadU(f, scores + column + lanes));
  }
  if (column < padded) largest_even = hn::Max(largest_even, hn::LoadU(f, scores + column));
  const auto max = hn::MaxOfLanes(f, hn::Max(largest_even, largest_odd));

  const float before = block.max[row];
  block.max[row] = hn::GetLane(max);
  auto total = hn::LoadU(f, block.totals + row * lanes);
  if (before != block.max[row]) {
    const auto shrink = hn::Set(f, std::exp2(before - block.max[row]));
    total = hn::Mul(total, shrink);
    float* sums = block.sums + row * width;
    for (int64_t d = 0; d < width; d += lanes) hn::StoreU(hn::Mul(hn::LoadU(f, sums + d), shrink), f, sums + d);
  }
  for (int64_t c = begin; c < padded; c += lanes) {
    const auto probability = exp2(hn::Sub(hn::LoadU(f, scores + c), max));
    total = hn::Add(total, probability);
    hn::StoreU(probability, f, scores + c);
  }
  hn::StoreU(total, f, block.totals + row * lanes);
  if (head.mask == nullptr) return;
  HWY_ALIGN float factors[attention_block];
  dropout_factors(head, pair, row, padded, factors);
  for (int64_t c = begin; c < padded; c += lanes) {
    hn::StoreU(hn::Mul(hn::LoadU(f, scores + c), hn::Load(f, factors + c)), f, scores + c);
  }
}

// The inner body of algorithm 1 for one pair of blocks: keys [D, block] and values [block, width] of it.
template <bool kHidden>
HWY_INLINE void forward_pair(const AttentionHead& head, const BlockPair& pair, const float* keys, const float* values,
                             int64_t width, ForwardBlock& block) {
  const int64_t rows = round_up(pair.num_queries, tile_rows);
  const auto last_visible = [&](int64_t row) { return visible_keys(pair, row + tile_rows - 1); };
  const auto first_visible = [&](int64_t row) { return kHidden ? hidden_keys(pair, row) : 0; };
  multiply<Layout::rows, false>(rows, attention_block, block.queries, width, keys, attention_block, block.scores,
                                attention_block, [&](int64_t row) {
                                  return TileRange{last_visible(row), 0, head.head_size, first_visible(row)};
                                });
  for (int64_t r = 0; r < pair.num_queries; ++r) softmax_row<kHidden>(head, pair, r, width, block);
  for (int64_t r = pair.num_queries; r < rows; ++r) {
    std::fill(block.scores + r * attention_block, block.scores + (r + 1) * attention_block, 0.0F);
  }
  multiply<Layout::rows, true>(rows, width, block.scores, attention_block, values, width, block.sums, width,
                               [&](int64_t row) {
                                 return TileRange{width, first_visible(row), last_visible(row)};
                               });
}

HWY_INLINE void write_rows(const AttentionHead& head, int64_t first_query, int64_t count, int64_t width,
                           const ForwardBlock& block) {
  const auto finish_row = [&](int64_t r) HWY_ATTR {
    const Floats f;
    const float total = hn::GetLane(hn::SumOfLanes(f, hn::LoadU(f, block.totals + r * num_lanes())));
    if (head.log_sum_exp != nullptr) {
      head.log_sum_exp[first_query + r] = (block.max[r] + std::log2(total)) * ln_of_2;
    }
    return 1 / total;
  };
  unpack_rows(block.sums, width, finish_row, head.out, first_query, count, head.head_size);
}

}  // namespace

int64_t ForwardWorkspace(int64_t num_keys, int64_t head_size) {
  const int64_t width = round_up(head_size, num_lanes());
  return round_up(num_keys, attention_block) * (head_size + width) +
         attention_block * (2 * width + attention_block + num_lanes());
}

// Algorithm 1 for the queries [begin, end) of one head.
void ForwardHead(const AttentionHead& head, int64_t begin, int64_t end, float* workspace) {
  const int64_t size = head.head_size;
  const int64_t width = round_up(size, num_lanes());
  const int64_t hidden = head.num_keys - head.num_queries;
  const int64_t num_keys = head.causal ? end + hidden : head.num_keys;  // that any of the queries sees
  float* keys = workspace;                                              // blocks of [D, block]
  float* values = keys + round_up(num_keys, attention_block) * size;
  ForwardBlock block;
  block.queries = values + round_up(num_keys, attention_block) * width;
  block.scores = block.queries + attention_block * width;
  block.sums = block.scores + attention_block * attention_block;
  block.totals = block.sums + attention_block * width;
  for (int64_t j = first_block_of(head, begin); j < num_keys; j += attention_block) {
    const int64_t count = std::min(attention_block, num_keys - j);
    pack_transposed(head.k, j, count, size, keys + j * size);
    pack_rows(head.v, j, count, size, 1, values + j * width, attention_block, width);
  }
  for (int64_t i = begin; i < end; i += attention_block) {
    const int64_t count = std::min(attention_block, end - i);
    const int64_t rows = round_up(count, tile_rows);
    pack_rows(head.q, i, count, size, head.scale * log2_of_e, block.queries, rows, width);
    std::fill(block.sums, block.sums + rows * width, 0.0F);
    std::fill(block.max, block.max + attention_block, -std::numeric_limits<float>::infinity());
    std::fill(block.totals, block.totals + attention_block * num_lanes(), 0.0F);
    const int64_t last_key = head.causal ? i + count + hidden : num_keys;
    for (int64_t j = first_block_of(head, i); j < last_key; j += attention_block) {
      const BlockPair pair = pair_of(head, i, j);
      if (pair.first_keys == nullptr) {
        forward_pair<false>(head, pair, keys + j * size, values + j * width, width, block);
      } else {
        forward_pair<true>(head, pair, keys + j * size, values + j * width, width, block);
      }
    }
    write_rows(head, i, count, width, block);
  }
}

// For few queries, as in generation: the keys and values are read once where they lie. workspace [num_keys + D].
void FewQueriesHead(const AttentionHead& head, float* workspace) {
  const Floats f;
  const int64_t size = head.head_size;
  float* const scores = workspace;
  float* const sums = workspace + head.num_keys;
  with_element(head.q.type, [&]<class Element>(Element) HWY_ATTR {
    for (int64_t i = 0; i < head.num_queries; ++i) {
      const int64_t visible = head.causal ? i + head.num_keys - head.num_queries + 1 : head.num_keys;
      const int64_t first = head.first_keys == nullptr ? 0 : head.first_keys[i];
      const Element* query = head.q.row<Element>(i);
      for (int64_t j = first; j < visible; ++j) {
        scores[j] = head.scale * log2_of_e * dot(query, head.k.row<Element>(j), size);
      }
      const float max = largest(scores + first, visible - first);
      const float total = sum(visible - first, [&](int64_t j, const auto& access) HWY_ATTR {
        const auto probability = exp2(hn::Sub(access.load(scores + first + j), hn::Set(f, max)));
        access.store(probability, scores + first + j);
        return probability;
      });
      std::fill(sums, sums + size, 0.0F);
      for (int64_t j = first; j < visible; ++j) {
        const Element* value = head.v.row<Element>(j);
        const auto probability = hn::Set(f, scores[j]);
        sweep(size, [&](int64_t d, const auto& access) HWY_ATTR {
          access.store(hn::MulAdd(probability, access.load(value + d), access.load(sums + d)), sums + d);
        });
      }
      unpack_rows(
          sums, size, [&](int64_t) { return 1 / total; }, head.out, i, 1, size);
      if (head.log_sum_exp != nullptr) head.log_sum_exp[i] = (max + std::log2(total)) * ln_of_2;
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(ForwardWorkspace);
HWY_EXPORT(ForwardHead);
HWY_EXPORT(FewQueriesHead);

// Below this many queries, laying out the keys costs more than it saves.
constexpr int64_t few_queries = 8;

}  // namespace

void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                       const HeadsView& out, const Tensor& log_sum_exp, int num_threads, Workspace& workspace) {
  const int64_t num_heads = shape.batch * shape.num_heads;
  if (shape.num_queries <= few_queries && shape.mask.probability == 0) {
    const int64_t scratch = shape.num_keys + shape.head_size;
    float* const memory = workspace.floats(scratch * num_threads);
#pragma omp parallel for schedule(dynamic) num_threads(num_threads)
    for (int64_t task = 0; task < num_heads; ++task) {
      const AttentionHead head =
          head_of(shape, q, k, v, out, log_sum_exp, task / shape.num_heads, task % shape.num_heads);
      HWY_DYNAMIC_DISPATCH(FewQueriesHead)(head, memory + scratch * omp_get_thread_num());
    }
    return;
  }
  // Few heads are cut into blocks of queries so that every thread has work; each pays for its own copy of the keys.
  const int64_t most_parts = (shape.num_queries + attention_block - 1) / attention_block;
  const int64_t parts = num_heads >= 2 * num_threads ? 1 : std::min<int64_t>(most_parts, 2 * num_threads);
  const int64_t part_size = (most_parts + parts - 1) / std::max<int64_t>(parts, 1) * attention_block;
  const int64_t scratch = HWY_DYNAMIC_DISPATCH(ForwardWorkspace)(shape.num_keys, shape.head_size);
  float* const memory = workspace.floats(scratch * num_threads);
#pragma omp parallel for schedule(dynamic) num_threads(num_threads)
  for (int64_t task = 0; task < num_heads * parts; ++task) {
    const int64_t b = task / parts / shape.num_heads;
    const int64_t a = task / parts % shape.num_heads;
    const AttentionHead head = head_of(shape, q, k, v, out, log_sum_exp, b, a);
    const int64_t begin = task % parts * part_size;
    const int64_t end = std::min(begin + part_size, shape.num_queries);
    if (begin < end) HWY_DYNAMIC_DISPATCH(ForwardHead)(head, begin, end, memory + scratch * omp_get_thread_num());
  }
}

}  // namespace kumiko::cpu
#endif
