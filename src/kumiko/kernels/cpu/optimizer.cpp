#include "kumiko/kernels/cpu/optimizer.h"

#include <cmath>

#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/optimizer.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

void AdamW(const AdamWConstants& constants, float* weight, const float* gradient, float* first, float* second,
           int64_t count) {
  const Floats f;
  const auto step = static_cast<double>(constants.step);
  const double correction1 = 1 - std::pow(constants.beta1, step);
  const double correction2 = 1 - std::pow(constants.beta2, step);
  const auto set = [&](double value) HWY_ATTR { return hn::Set(f, static_cast<float>(value)); };
  const auto gradient_scale = set(constants.gradient_scale);
  const auto beta1 = set(constants.beta1);
  const auto beta2 = set(constants.beta2);
  const auto new1 = set(1 - constants.beta1);
  const auto new2 = set(1 - constants.beta2);
  const auto decay = set(1 - constants.lr * constants.weight_decay);
  const auto rate = set(constants.lr / correction1);
  const auto root = set(1 / std::sqrt(correction2));
  const auto eps = set(constants.eps);
  sweep(count, [&](int64_t i, const auto& access) HWY_ATTR {
    const auto g = hn::Mul(access.load(gradient + i), gradient_scale);
    const auto m = hn::MulAdd(beta1, access.load(first + i), hn::Mul(new1, g));
    const auto v = hn::MulAdd(beta2, access.load(second + i), hn::Mul(new2, hn::Mul(g, g)));
    const auto update = hn::Div(hn::Mul(rate, m), hn::MulAdd(hn::Sqrt(v), root, eps));
    access.store(hn::Sub(hn::Mul(access.load(weight + i), decay), update), weight + i);
    access.store(m, first + i);
    access.store(v, second + i);
  });
}

// `velocity` may be null.
void Sgd(float lr, float momentum, float weight_decay, float gradient_scale, float* weight, const float* gradient,
         float* velocity, int64_t count) {
  const Floats f;
  sweep(count, [&](int64_t i, const auto& access) HWY_ATTR {
    const auto w = access.load(weight + i);
    auto v = hn::MulAdd(hn::Set(f, gradient_scale), access.load(gradient + i), hn::Mul(hn::Set(f, weight_decay), w));
    if (velocity != nullptr) {
      v = hn::MulAdd(hn::Set(f, momentum), access.load(velocity + i), v);
      access.store(v, velocity + i);
    }
    access.store(hn::NegMulAdd(hn::Set(f, lr), v, w), weight + i);
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(AdamW);
HWY_EXPORT(Sgd);

}  // namespace

void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient, const Tensor& first_moment,
           const Tensor& second_moment, int num_threads) {
  parallel_ranges(num_threads, weight.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(AdamW)
    (constants, weight.data<float>() + begin, gradient.data<float>() + begin, first_moment.data<float>() + begin,
     second_moment.data<float>() + begin, end - begin);
  });
}

void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
         const Tensor& gradient, const Tensor& velocity, int num_threads) {
  parallel_ranges(num_threads, weight.num_elements(), element_grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Sgd)
    (static_cast<float>(lr), static_cast<float>(momentum), static_cast<float>(weight_decay),
     static_cast<float>(gradient_scale), weight.data<float>() + begin, gradient.data<float>() + begin,
     velocity ? velocity.data<float>() + begin : nullptr, end - begin);
  });
}

}  // namespace kumiko::cpu
#endif
