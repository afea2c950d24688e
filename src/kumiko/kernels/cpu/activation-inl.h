// GELU in its tanh form, its derivative, and the sigmoid, a vector at a time.
#if defined(KUMIKO_KERNELS_CPU_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KUMIKO_KERNELS_CPU_ACTIVATION_INL_H_
#undef KUMIKO_KERNELS_CPU_ACTIVATION_INL_H_
#else
#define KUMIKO_KERNELS_CPU_ACTIVATION_INL_H_
#endif

#include "kumiko/kernels/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

inline constexpr float gelu_slope = 0.7978845608028654F;  // sqrt(2 / pi)
inline constexpr float gelu_cubic = 0.044715F;

// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2u)), u = slope (x + cubic x^3): exact where tanh would cancel.
HWY_INLINE FloatVector gelu_gate(FloatVector x) {
  const Floats f;
  const auto one = hn::Set(f, 1.0F);
  const auto linear = hn::Set(f, -2 * gelu_slope * log2_of_e);
  const auto square = hn::Mul(x, x);
  const auto exponent = hn::Mul(x, hn::MulAdd(square, hn::Set(f, -2 * gelu_slope * log2_of_e * gelu_cubic), linear));
  return hn::Div(one, hn::Add(one, exp2(exponent)));
}

HWY_INLINE FloatVector gelu(FloatVector x) { return hn::Mul(x, gelu_gate(x)); }

// gelu' = s + x 2 s (1 - s) u', with s the gate.
HWY_INLINE FloatVector gelu_derivative(FloatVector x) {
  const Floats f;
  const auto s = gelu_gate(x);
  const auto du = hn::MulAdd(hn::Mul(x, x), hn::Set(f, 6 * gelu_slope * gelu_cubic), hn::Set(f, 2 * gelu_slope));
  return hn::MulAdd(hn::Mul(x, du), hn::NegMulAdd(s, s, s), s);
}

// 1 / (1 + exp(-x))
HWY_INLINE FloatVector sigmoid(FloatVector x) {
  const Floats f;
  const auto one = hn::Set(f, 1.0F);
  return hn::Div(one, hn::Add(one, exp2(hn::Mul(x, hn::Set(f, -log2_of_e)))));
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // toggle
