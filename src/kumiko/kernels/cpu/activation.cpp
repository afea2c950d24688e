#include "kumiko/kernels/cpu/activation.h"

#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/activation.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {
namespace {

constexpr float slope = 0.7978845608028654F;  // sqrt(2 / pi)
constexpr float cubic = 0.044715F;

// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)), u = slope (x + cubic x^3): exact where tanh would cancel.
HWY_INLINE FloatVector gate(FloatVector x) {
  const Floats f;
  const auto one = hn::Set(f, 1.0F);
  const auto linear = hn::Set(f, -2 * slope * log2_of_e);
  const auto square = hn::Mul(x, x);
  const auto exponent = hn::Mul(x, hn::MulAdd(square, hn::Set(f, -2 * slope * log2_of_e * cubic), linear));
  return hn::Div(one, hn::Add(one, exp2(exponent)));
}

}  // namespace

void GeluForward(const float* x, float* y, int64_t count) {
  sweep(count, [&](int64_t i, const auto& access) HWY_ATTR {
    const auto value = access.load(x + i);
    access.store(hn::Mul(value, gate(value)), y + i);
  });
}

// gelu' = s + x 2 s (1 - s) u', with s the gate.
void GeluBackward(const float* x, const float* dy, float* dx, int64_t count) {
  const Floats f;
  sweep(count, [&](int64_t i, const auto& access) HWY_ATTR {
    const auto value = access.load(x + i);
    const auto s = gate(value);
    const auto du = hn::MulAdd(hn::Mul(value, value), hn::Set(f, 6 * slope * cubic), hn::Set(f, 2 * slope));
    const auto bend = hn::Mul(hn::Mul(value, du), hn::NegMulAdd(s, s, s));
    access.store(hn::Mul(access.load(dy + i), hn::Add(s, bend)), dx + i);
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
  const float* from = x.data<float>();
  float* to = y.data<float>();
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GeluForward)(from + begin, to + begin, end - begin);
  });
}

void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx, int num_threads) {
  const float* input = x.data<float>();
  const float* from = dy.data<float>();
  float* to = dx.data<float>();
  parallel_ranges(num_threads, x.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(GeluBackward)(input + begin, from + begin, to + begin, end - begin);
  });
}

}  // namespace kumiko::cpu
#endif
