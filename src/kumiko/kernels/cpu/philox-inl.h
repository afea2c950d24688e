// Philox4x32-10 on whole vectors: the numbers of base/random.h's philox(), many counters at once.
#if defined(KUMIKO_KERNELS_CPU_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_PHILOX_INL_H_
#undef KUMIKO_KERNELS_CPU_PHILOX_INL_H_
#else
#define KUMIKO_KERNELS_CPU_PHILOX_INL_H_
#endif

#include <algorithm>

#include "kumiko/base/random.h"
#include "kumiko/kernels/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

HWY_INLINE void random_words(PhiloxKey key, uint64_t first, int64_t count, uint32_t* HWY_RESTRICT words) {
  for (int64_t i = 0; i < count; i += 4) {
    const uint64_t block = (first + static_cast<uint64_t>(i)) / 4;
    const PhiloxCounter four = philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0}, key);
    std::copy(four.begin(), four.end(), words + i);
  }
}

#else

// High and low words of the 64-bit products of each lane.
template <class V>
HWY_INLINE void multiply_wide(V a, V b, V& high, V& low) {
  const Words w;
  const hn::RepartitionToWide<Words> wide;
  const auto even = hn::MulEven(a, b);
  const auto odd = hn::MulEven(hn::BitCast(w, hn::ShiftRight<32>(hn::BitCast(wide, a))), b);
  high = hn::OddEven(hn::BitCast(w, odd), hn::BitCast(w, hn::ShiftRight<32>(even)));
  low = hn::OddEven(hn::BitCast(w, hn::ShiftLeft<32>(odd)), hn::BitCast(w, even));
}

// The words with indices first, first + 1, ... (first a multiple of 4): word i is word i % 4 of philox({i / 4}, key).
// Writes round_up(count, 4 num_lanes()) of them.
HWY_INLINE void random_words(PhiloxKey key, uint64_t first, int64_t count, uint32_t* HWY_RESTRICT words) {
  const Words w;
  const int64_t lanes = num_lanes();
  const auto multiplier0 = hn::Set(w, 0xD2511F53U);
  const auto multiplier1 = hn::Set(w, 0xCD9E8D57U);
  uint64_t block = first / 4;
  for (int64_t i = 0; i < count; i += 4 * lanes, block += static_cast<uint64_t>(lanes)) {
    const auto low = hn::Set(w, static_cast<uint32_t>(block));
    const auto high = hn::Set(w, static_cast<uint32_t>(block >> 32));
    auto word0 = hn::Add(low, hn::Iota(w, 0));
    auto word1 = hn::IfThenElse(hn::Lt(word0, low), hn::Add(high, hn::Set(w, 1)), high);
    auto word2 = hn::Zero(w);
    auto word3 = hn::Zero(w);
    uint32_t key0 = key[0];
    uint32_t key1 = key[1];
    for (int round = 0; round < 10; ++round) {
      auto high0 = word0, low0 = word0, high1 = word0, low1 = word0;
      multiply_wide(word0, multiplier0, high0, low0);
      multiply_wide(word2, multiplier1, high1, low1);
      word0 = hn::Xor(hn::Xor(high1, word1), hn::Set(w, key0));
      word2 = hn::Xor(hn::Xor(high0, word3), hn::Set(w, key1));
      word1 = low1;
      word3 = low0;
      key0 += 0x9E3779B9U;
      key1 += 0xBB67AE85U;
    }
    hn::StoreInterleaved4(word0, word1, word2, word3, w, words + i);
  }
}

#endif  // HWY_SCALAR

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
