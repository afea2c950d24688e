// Operands of a product laid out for the register tile: panels of `width` lines, term by term, zero beyond the last
// line.
#if defined(KUMIKO_KERNELS_CPU_PRODUCT_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_PRODUCT_PACK_INL_H_
#undef KUMIKO_KERNELS_CPU_PRODUCT_PACK_INL_H_
#else
#define KUMIKO_KERNELS_CPU_PRODUCT_PACK_INL_H_
#endif

#include <algorithm>

#include "kumiko/kernels/cpu/activation-inl.h"
#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/product.h"
#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// Line l of the terms' k-th goes to to[l / width * stride + k * width + l % width]. Writing may go on for up to 16
// floats beyond a panel.
struct Panels {
  float* to;
  int64_t stride;
  int64_t width;
  int64_t num_lines;     // of all panels; the rest of the last is zero
  int64_t num_readable;  // lines from the first on to the operand's end
  int64_t depth;
};

// Lines lie side by side: term k of all of them is one run of memory, far from that of term k + 1.
template <bool kGelu, class Element>
HWY_INLINE void pack_side_by_side(const Element* from, int64_t depth_stride, const Panels& panels) {
  constexpr int64_t terms_ahead = 8;
  const int64_t line_elements = 64 / static_cast<int64_t>(sizeof(Element));
  const Floats f;
  const int64_t lanes = num_lanes();
  const auto convert = [](FloatVector value) HWY_ATTR { return kGelu ? gelu(value) : value; };
  const int64_t reach = round_up(panels.width, lanes);
  for (int64_t k = 0; k < panels.depth; ++k) {
    const Element* source = from + k * depth_stride;
    if (k + terms_ahead < panels.depth) {
      const Element* ahead = source + terms_ahead * depth_stride;
      for (int64_t l = 0; l < panels.num_lines; l += line_elements) __builtin_prefetch(ahead + l, 0, 2);
    }
    float* target = panels.to + k * panels.width;
    int64_t l = 0;
    for (; l + panels.width <= panels.num_lines && l + reach <= panels.num_readable;
         l += panels.width, target += panels.stride) {
      for (int64_t i = 0; i < panels.width; i += lanes) store_as(convert(load_as(f, source + l + i)), f, target + i);
    }
    for (; l < panels.num_lines; l += panels.width, target += panels.stride) {
      std::fill(target, target + panels.width, 0.0F);
      sweep(std::min(panels.width, panels.num_lines - l), [&](int64_t i, const auto& access) HWY_ATTR {
        access.store(convert(access.load(source + l + i)), target + i);
      });
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Four terms of four lines, turned round: to[k * width + l].
template <class Element>
HWY_INLINE void transpose_four(const Element* from, int64_t line_stride, float* to, int64_t width) {
  const hn::FixedTag<float, 4> four;
  const auto r0 = load_as(four, from);
  const auto r1 = load_as(four, from + line_stride);
  const auto r2 = load_as(four, from + 2 * line_stride);
  const auto r3 = load_as(four, from + 3 * line_stride);
  const auto low01 = hn::InterleaveLower(four, r0, r1), high01 = hn::InterleaveUpper(four, r0, r1);
  const auto low23 = hn::InterleaveLower(four, r2, r3), high23 = hn::InterleaveUpper(four, r2, r3);
  hn::StoreU(hn::ConcatLowerLower(four, low23, low01), four, to);
  hn::StoreU(hn::ConcatUpperUpper(four, low23, low01), four, to + width);
  hn::StoreU(hn::ConcatLowerLower(four, high23, high01), four, to + 2 * width);
  hn::StoreU(hn::ConcatUpperUpper(four, high23, high01), four, to + 3 * width);
}

template <class Element>
HWY_INLINE void transpose_two(const Element* from, int64_t line_stride, float* to, int64_t width) {
  const hn::FixedTag<float, 4> four;
  const hn::FixedTag<float, 2> two;
  const auto r0 = load_as(four, from);
  const auto r1 = load_as(four, from + line_stride);
  const auto low = hn::InterleaveLower(four, r0, r1), high = hn::InterleaveUpper(four, r0, r1);
  hn::StoreU(hn::LowerHalf(two, low), two, to);
  hn::StoreU(hn::UpperHalf(two, low), two, to + width);
  hn::StoreU(hn::LowerHalf(two, high), two, to + 2 * width);
  hn::StoreU(hn::UpperHalf(two, high), two, to + 3 * width);
}
#endif

// Each line is one run of memory.
template <bool kGelu, class Element>
HWY_INLINE void pack_line_by_line(const Element* from, int64_t line_stride, const Panels& panels, int64_t first) {
  const int64_t width = panels.width;
  const int64_t num_lines = std::min(width, panels.num_lines - first);
  float* const to = panels.to + first / width * panels.stride;
  from += first * line_stride;
  int64_t k = 0;
#if HWY_TARGET != HWY_SCALAR
  for (; num_lines == width && k + 4 <= panels.depth; k += 4) {
    int64_t l = 0;
    for (; l + 4 <= width; l += 4) transpose_four(from + l * line_stride + k, line_stride, to + k * width + l, width);
    if (l < width) transpose_two(from + l * line_stride + k, line_stride, to + k * width + l, width);
  }
#endif
  for (; k < panels.depth; ++k) {
    float* target = to + k * width;
    for (int64_t l = 0; l < num_lines; ++l) target[l] = static_cast<float>(from[l * line_stride + k]);
    std::fill(target + num_lines, target + width, 0.0F);
  }
  if constexpr (kGelu) {
    sweep(panels.depth * width,
          [&](int64_t i, const auto& access) HWY_ATTR { access.store(gelu(access.load(to + i)), to + i); });
  }
}

// Lines from `line` on and terms from `term` on.
template <bool kGelu>
HWY_INLINE void pack_panels_through(const ProductOperand& operand, int64_t line, int64_t term, const Panels& panels) {
  with_element(operand.type, [&]<class Element>(Element) HWY_ATTR {
    const Element* from =
        static_cast<const Element*>(operand.data) + line * operand.line_stride + term * operand.depth_stride;
    if (operand.line_stride == 1) return pack_side_by_side<kGelu>(from, operand.depth_stride, panels);
    for (int64_t first = 0; first < panels.num_lines; first += panels.width) {
      pack_line_by_line<kGelu>(from, operand.line_stride, panels, first);
    }
  });
}

HWY_INLINE void pack_panels(const ProductOperand& operand, int64_t line, int64_t term, const Panels& panels) {
  if (operand.gelu) {
    pack_panels_through<true>(operand, line, term, panels);
  } else {
    pack_panels_through<false>(operand, line, term, panels);
  }
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
