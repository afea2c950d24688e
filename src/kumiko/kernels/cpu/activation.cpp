#include "kumiko/kernels/cpu/activation.h"

#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/activation.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/activation-inl.h"
#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

void GeluForward(const Tensor& x, const Tensor& y, int64_t begin, int64_t end) {
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    const Element* from = x.data<Element>() + begin;
    Element* to = y.data<Element>() + begin;
    sweep(end - begin,
          [&](int64_t i, const auto& access) HWY_ATTR { access.store(gelu(access.load(from + i)), to + i); });
  });
}

void GeluBackward(const Tensor& x, const Tensor& dy, const Tensor& dx, int64_t begin, int64_t end) {
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    const Element* input = x.data<Element>() + begin;
    const Element* from = dy.data<Element>() + begin;
    Element* to = dx.data<Element>() + begin;
    sweep(end - begin, [&](int64_t i, const auto& access) HWY_ATTR {
      access.store(hn::Mul(access.load(from + i), gelu_derivative(access.load(input + i))), to + i);
    });
  });
}

// Rows [begin, end).
void SwigluForward(const Tensor& x, const Tensor& y, int64_t begin, int64_t end) {
  const int64_t size = y.shape().last();
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      const Element* gate = x.data<Element>() + 2 * t * size;
      Element* to = y.data<Element>() + t * size;
      sweep(size, [&](int64_t f, const auto& access) HWY_ATTR {
        const auto g = access.load(gate + f);
        access.store(hn::Mul(hn::Mul(g, sigmoid(g)), access.load(gate + size + f)), to + f);
      });
    }
  });
}

// silu' = s + g s (1 - s), with s the sigmoid.
void SwigluBackward(const Tensor& x, const Tensor& dy, const Tensor& dx, int64_t begin, int64_t end) {
  const int64_t size = dy.shape().last();
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      const Element* gate = x.data<Element>() + 2 * t * size;
      const Element* from = dy.data<Element>() + t * size;
      Element* dgate = dx.data<Element>() + 2 * t * size;
      sweep(size, [&](int64_t f, const auto& access) HWY_ATTR {
        const auto g = access.load(gate + f);
        const auto gradient = access.load(from + f);
        const auto s = sigmoid(g);
        const auto derivative = hn::MulAdd(g, hn::NegMulAdd(s, s, s), s);
        const auto up = access.load(gate + size + f);
        access.store(hn::Mul(gradient, hn::Mul(up, derivative)), dgate + f);
        access.store(hn::Mul(gradient, hn::Mul(g, s)), dgate + size + f);
      });
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(GeluForward);
HWY_EXPORT(GeluBackward);
HWY_EXPORT(SwigluForward);
HWY_EXPORT(SwigluBackward);

}  // namespace

void gelu_forward(const Tensor& x, const Tensor& y, int num_threads) {
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GeluForward)(x, y, begin, end);
  });
}

void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx, int num_threads) {
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GeluBackward)(x, dy, dx, begin, end);
  });
}

void swiglu_forward(const Tensor& x, const Tensor& y, int num_threads) {
  parallel_ranges(num_threads, y.shape().num_rows(), row_grain(y.shape().last()), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwigluForward)(x, y, begin, end);
  });
}

void swiglu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx, int num_threads) {
  parallel_ranges(num_threads, dy.shape().num_rows(), row_grain(dy.shape().last()), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwigluBackward)(x, dy, dx, begin, end);
  });
}

}  // namespace kumiko::cpu
#endif
