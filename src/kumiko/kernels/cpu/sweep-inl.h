// Passing over arrays a vector at a time, with a remainder of any length.
#if defined(KUMIKO_KERNELS_CPU_SWEEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_SWEEP_INL_H_
#undef KUMIKO_KERNELS_CPU_SWEEP_INL_H_
#else
#define KUMIKO_KERNELS_CPU_SWEEP_INL_H_
#endif

#include <cstring>

#include "kumiko/kernels/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

using FloatVector = hn::Vec<Floats>;

// How a sweep's body reads and writes: whole vectors, or the last few elements (read as zeros beyond them).
struct Whole {
  HWY_INLINE FloatVector load(const float* from) const { return hn::LoadU(Floats(), from); }
  HWY_INLINE void store(FloatVector value, float* to) const { hn::StoreU(value, Floats(), to); }
  // `value` in the lanes that exist, `other` beyond.
  HWY_INLINE FloatVector keep(FloatVector value, FloatVector) const { return value; }
};

struct Remainder {
  size_t count;
  HWY_INLINE FloatVector load(const float* from) const {
    HWY_ALIGN float lanes[16] = {};
    std::memcpy(lanes, from, count * sizeof(float));
    return hn::Load(Floats(), lanes);
  }
  HWY_INLINE void store(FloatVector value, float* to) const {
    HWY_ALIGN float lanes[16];
    hn::Store(value, Floats(), lanes);
    std::memcpy(to, lanes, count * sizeof(float));
  }
  HWY_INLINE FloatVector keep(FloatVector value, FloatVector other) const {
    return hn::IfThenElse(hn::FirstN(Floats(), count), value, other);
  }
};

// body(i, access) for i = 0, lanes, 2 lanes, ... below count.
template <class Body>
HWY_INLINE void sweep(int64_t count, const Body& body) {
  const int64_t lanes = num_lanes();
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(i, Whole{});
  if (i < count) body(i, Remainder{static_cast<size_t>(count - i)});
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
