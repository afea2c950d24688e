// What the forward and the backward of attention share: blocks of rows laid out for the tile products, and the mask.
#if defined(KUMIKO_KERNELS_CPU_ATTENTION_BLOCK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
#undef KUMIKO_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
#else
#define KUMIKO_KERNELS_CPU_ATTENTION_BLOCK_INL_H_
#endif

#include <algorithm>

#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/cpu/attention_head.h"
#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/philox-inl.h"
#include "kumiko/kernels/cpu/sweep-inl.h"
#include "kumiko/kernels/cpu/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// to [to_rows, width] = factor * rows [begin, begin + count) of `from`, zero beyond them and beyond the head size.
HWY_INLINE void pack_rows(const HeadRows& from, int64_t begin, int64_t count, int64_t head_size, float factor,
                          float* HWY_RESTRICT to, int64_t to_rows, int64_t width) {
  const auto multiplier = hn::Set(Floats(), factor);
  with_element(from.type, [&]<class Element>(Element) HWY_ATTR {
    for (int64_t r = 0; r < count; ++r) {
      const Element* source = from.row<Element>(begin + r);
      float* target = to + r * width;
      sweep(head_size, [&](int64_t d, const auto& access)
                           HWY_ATTR { access.store(hn::Mul(multiplier, access.load(source + d)), target + d); });
      std::fill(target + head_size, target + width, 0.0F);
    }
  });
  std::fill(to + count * width, to + to_rows * width, 0.0F);
}

// to [D, attention_block] = the transpose of rows [begin, begin + count), zero beyond them.
HWY_INLINE void pack_transposed(const HeadRows& from, int64_t begin, int64_t count, int64_t head_size,
                                float* HWY_RESTRICT to) {
  with_element(from.type, [&]<class Element>(Element) HWY_ATTR {
    for (int64_t r = 0; r < count; ++r) {
      const Element* source = from.row<Element>(begin + r);
      for (int64_t d = 0; d < head_size; ++d) to[d * attention_block + r] = static_cast<float>(source[d]);
    }
  });
  if (count == attention_block) return;
  for (int64_t d = 0; d < head_size; ++d) {
    std::fill(to + d * attention_block + count, to + (d + 1) * attention_block, 0.0F);
  }
}

// Rows [begin, begin + count) of `to` = factor(row) * rows of `from`, `width` apart.
template <class Factor>
HWY_INLINE void unpack_rows(const float* HWY_RESTRICT from, int64_t width, const Factor& factor, const HeadRows& to,
                            int64_t begin, int64_t count, int64_t head_size) {
  with_element(to.type, [&]<class Element>(Element) HWY_ATTR {
    for (int64_t r = 0; r < count; ++r) {
      const auto multiplier = hn::Set(Floats(), factor(r));
      Element* target = to.row<Element>(begin + r);
      sweep(head_size, [&](int64_t d, const auto& access) HWY_ATTR {
        access.store(hn::Mul(multiplier, access.load(from + r * width + d)), target + d);
      });
    }
  });
}

// Of one block of queries from `first_query` on and one of keys from `first_key` on.
struct BlockPair {
  int64_t first_query;
  int64_t first_key;
  int64_t num_keys;  // of the block
  int64_t shift;     // query row r sees the keys [0, r + shift]; large if all
  int64_t num_queries;
  // Of each query of the block, the first key it sees, counted from the sequence's; null if none begins within the
  // block of keys or behind it.
  const int32_t* first_keys;
};

HWY_INLINE BlockPair pair_of(const AttentionHead& head, int64_t first_query, int64_t first_key) {
  const int64_t diagonal = first_query + head.num_keys - head.num_queries - first_key;
  const int64_t num_queries = std::min(attention_block, head.num_queries - first_query);
  const int32_t* first_keys = head.first_keys == nullptr ? nullptr : head.first_keys + first_query;
  if (first_keys != nullptr && first_keys[num_queries - 1] <= first_key) first_keys = nullptr;
  return {first_query,
          first_key,
          std::min(attention_block, head.num_keys - first_key),
          head.causal ? diagonal : attention_block,
          num_queries,
          first_keys};
}

// Where the first block of keys that this query, or one after it, sees begins.
HWY_INLINE int64_t first_block_of(const AttentionHead& head, int64_t query) {
  return head.first_keys == nullptr ? 0 : head.first_keys[query] / attention_block * attention_block;
}

// How many keys of the block the row sees.
HWY_INLINE int64_t visible_keys(const BlockPair& pair, int64_t row) {
  return std::clamp<int64_t>(row + pair.shift + 1, 0, pair.num_keys);
}

// How many keys of the block, from its first on, the row does not see because it begins later. Rows beyond the last are
// as the last. Only where first_keys is there.
HWY_INLINE int64_t hidden_keys(const BlockPair& pair, int64_t row) {
  const int64_t first = pair.first_keys[std::min(row, pair.num_queries - 1)];
  return std::clamp<int64_t>(first - pair.first_key, 0, pair.num_keys);
}

// How many queries of the block, from its first on, begin before key `key` of the block of keys.
HWY_INLINE int64_t queries_before(const BlockPair& pair, int64_t key) {
  const int32_t* end = pair.first_keys + pair.num_queries;
  return std::lower_bound(pair.first_keys, end, pair.first_key + key) - pair.first_keys;
}

// For each key of the block, the factor of the row's probabilities: 0 or 1 / (1 - p).
HWY_INLINE void dropout_factors(const AttentionHead& head, const BlockPair& pair, int64_t row, int64_t count,
                                float* HWY_RESTRICT factors) {
  const Floats f;
  const Words w;
  const int64_t lanes = num_lanes();
  HWY_ALIGN uint32_t words[attention_block + 4 * 16 + 4];
  const int64_t index = (head.first_mask_row + pair.first_query + row) * head.num_keys + pair.first_key;
  const int64_t skipped = index % 4;
  random_words(head.mask->key, static_cast<uint64_t>(index - skipped), count + skipped, words);
  const auto threshold = hn::Set(w, arguments::dropout_threshold(head.mask->probability));
  const auto kept = hn::Set(f, static_cast<float>(1 / (1 - head.mask->probability)));
  for (int64_t c = 0; c < count; c += lanes) {
    const auto dropped = hn::Lt(hn::LoadU(w, words + skipped + c), threshold);
    hn::StoreU(hn::IfThenZeroElse(hn::RebindMask(f, dropped), kept), f, factors + c);
  }
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
