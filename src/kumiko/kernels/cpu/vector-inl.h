// The vector type of every kernel, and the exponential. Included once for each instruction set that is compiled.
#if defined(KUMIKO_KERNELS_CPU_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_VECTOR_INL_H_
#undef KUMIKO_KERNELS_CPU_VECTOR_INL_H_
#else
#define KUMIKO_KERNELS_CPU_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "kumiko/tensor/half.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes (512 bits), so that blocks of 96 are whole vectors on every machine.
using Floats = hn::CappedTag<float, 16>;
using Integers = hn::RebindToSigned<Floats>;
using Words = hn::RebindToUnsigned<Floats>;

using FloatVector = hn::Vec<Floats>;

inline int64_t num_lanes() { return static_cast<int64_t>(hn::Lanes(Floats())); }
inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// As many elements of any floating type as `f` has lanes, as floats, and back with rounding to nearest.
template <class F>
HWY_INLINE hn::Vec<F> load_as(F f, const float* from) {
  return hn::LoadU(f, from);
}
template <class F>
HWY_INLINE void store_as(hn::Vec<F> value, F f, float* to) {
  hn::StoreU(value, f, to);
}

template <class F>
HWY_INLINE hn::Vec<F> load_as(F f, const BFloat16* from) {
  const hn::RebindToUnsigned<F> wide;
  const hn::Rebind<uint16_t, F> narrow;
  const auto bits = hn::LoadU(narrow, reinterpret_cast<const uint16_t*>(from));
  return hn::BitCast(f, hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
}
template <class F>
HWY_INLINE void store_as(hn::Vec<F> value, F, BFloat16* to) {
  const hn::RebindToUnsigned<F> wide;
  const hn::RebindToSigned<F> wide_signed;
  const hn::Rebind<uint16_t, F> narrow;
  const auto bits = hn::BitCast(wide, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(wide, 1U));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(wide, 0x7fffU)));
  const auto quiet = hn::Or(bits, hn::Set(wide, 0x400000U));
  const auto is_number = hn::RebindMask(wide, hn::Eq(value, value));
  const auto upper = hn::ShiftRight<16>(hn::IfThenElse(is_number, rounded, quiet));
  hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(wide_signed, upper)), narrow, reinterpret_cast<uint16_t*>(to));
}

template <class F>
HWY_INLINE hn::Vec<F> load_as(F f, const Float16* from) {
  const hn::Rebind<hwy::float16_t, F> narrow;
  return hn::PromoteTo(f, hn::LoadU(narrow, reinterpret_cast<const hwy::float16_t*>(from)));
}
template <class F>
HWY_INLINE void store_as(hn::Vec<F> value, F, Float16* to) {
  const hn::Rebind<hwy::float16_t, F> narrow;
  hn::StoreU(hn::DemoteTo(narrow, value), narrow, reinterpret_cast<hwy::float16_t*>(to));
}

// 2^x, relative error below 1e-7; 0 below 2^-126, infinity from 2^128 on. NaN gives NaN or infinity.
template <class V>
HWY_INLINE V exp2(V x) {
  const Floats f;
  const Integers i;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits; what remains lies within half of zero.
  const V magic = hn::Set(f, 12582912.0F);
  const V limited = hn::Min(hn::Set(f, 128.0F), x);
  const V shifted = hn::Add(limited, magic);
  const V r = hn::Sub(limited, hn::Sub(shifted, magic));
  // Minimax polynomial of 2^r on [-1/2, 1/2], exact at 0; relative error 2e-9 before rounding.
  V p = hn::Set(f, 1.53533619e-4F);
  p = hn::MulAdd(p, r, hn::Set(f, 1.33988744e-3F));
  p = hn::MulAdd(p, r, hn::Set(f, 9.61843736e-3F));
  p = hn::MulAdd(p, r, hn::Set(f, 5.55033247e-2F));
  p = hn::MulAdd(p, r, hn::Set(f, 2.40226479e-1F));
  p = hn::MulAdd(p, r, hn::Set(f, 6.93147203e-1F));
  p = hn::MulAdd(p, r, hn::Set(f, 1.0F));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(i, shifted));
  const V scaled = hn::BitCast(f, hn::Add(hn::BitCast(i, p), exponent));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(f, -126.0F)), scaled);
}

inline constexpr float log2_of_e = 1.44269504088896341F;
inline constexpr float ln_of_2 = 0.693147180559945309F;

template <class V>
HWY_INLINE V exp(V x) {
  return exp2(hn::Mul(x, hn::Set(Floats(), log2_of_e)));
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
