// Passing over arrays a vector at a time, with a remainder of any length.
#if defined(KUMIKO_KERNELS_CPU_SWEEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_SWEEP_INL_H_
#undef KUMIKO_KERNELS_CPU_SWEEP_INL_H_
#else
#define KUMIKO_KERNELS_CPU_SWEEP_INL_H_
#endif

#include <cstring>
#include <limits>

#include "kumiko/kernels/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// How a sweep's body reads and writes elements of any floating type: whole vectors, or the last few elements (read as
// zeros beyond them).
struct Whole {
  template <class Element>
  HWY_INLINE FloatVector load(const Element* from) const {
    return load_as(Floats(), from);
  }
  template <class Element>
  HWY_INLINE void store(FloatVector value, Element* to) const {
    store_as(value, Floats(), to);
  }
};

struct Remainder {
  size_t count;
  template <class Element>
  HWY_INLINE FloatVector load(const Element* from) const {
    HWY_ALIGN Element lanes[16] = {};
    std::memcpy(lanes, from, count * sizeof(Element));
    return load_as(Floats(), lanes);
  }
  template <class Element>
  HWY_INLINE void store(FloatVector value, Element* to) const {
    HWY_ALIGN Element lanes[16];
    store_as(value, Floats(), lanes);
    std::memcpy(to, lanes, count * sizeof(Element));
  }
  // `value` in the lanes that exist, `other` beyond.
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

// combine of term(i, access) over 0 .. count: four chains at once, as one would wait for its own results. `start` is
// combine's neutral element.
template <class Combine, class Term>
HWY_INLINE FloatVector reduce(int64_t count, FloatVector start, const Combine& combine, const Term& term) {
  const int64_t lanes = num_lanes();
  auto a = start, b = start, c = start, d = start;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    a = combine(a, term(i, Whole{}));
    b = combine(b, term(i + lanes, Whole{}));
    c = combine(c, term(i + 2 * lanes, Whole{}));
    d = combine(d, term(i + 3 * lanes, Whole{}));
  }
  for (; i + lanes <= count; i += lanes) a = combine(a, term(i, Whole{}));
  if (i < count) {
    const Remainder rest{static_cast<size_t>(count - i)};
    a = rest.keep(combine(a, term(i, rest)), a);
  }
  return combine(combine(a, b), combine(c, d));
}

template <class Term>
HWY_INLINE float sum(int64_t count, const Term& term) {
  const auto add = [](FloatVector a, FloatVector b) HWY_ATTR { return hn::Add(a, b); };
  return hn::GetLane(hn::SumOfLanes(Floats(), reduce(count, hn::Zero(Floats()), add, term)));
}

// The largest element; -infinity of none.
template <class Element>
HWY_INLINE float largest(const Element* values, int64_t count) {
  const auto max = [](FloatVector a, FloatVector b) HWY_ATTR { return hn::Max(a, b); };
  const auto term = [&](int64_t i, const auto& access) HWY_ATTR { return access.load(values + i); };
  const auto lowest = hn::Set(Floats(), -std::numeric_limits<float>::infinity());
  return hn::GetLane(hn::MaxOfLanes(Floats(), reduce(count, lowest, max, term)));
}

template <class A, class B>
HWY_INLINE float dot(const A* a, const B* b, int64_t count) {
  return sum(count,
             [&](int64_t i, const auto& access) HWY_ATTR { return hn::Mul(access.load(a + i), access.load(b + i)); });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
