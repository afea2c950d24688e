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

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(GeluForward);
HWY_EXPORT(GeluBackward);

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

}  // namespace kumiko::cpu
#endif
