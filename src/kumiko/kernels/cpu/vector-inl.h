// The vector type of every kernel, and the exponential. Included once for each instruction set that is compiled.
#if defined(KUMIKO_KERNELS_CPU_VECTOR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_VECTOR_INL_H_
#undef KUMIKO_KERNELS_CPU_VECTOR_INL_H_
#else
#define KUMIKO_KERNELS_CPU_VECTOR_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes (512 bits), so that blocks of 96 are whole vectors on every machine.
using Floats = hn::CappedTag<float, 16>;
using Integers = hn::RebindToSigned<Floats>;
using Words = hn::RebindToUnsigned<Floats>;

inline int64_t num_lanes() { return static_cast<int64_t>(hn::Lanes(Floats())); }
inline int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

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
