#include "kumiko/kernels/cpu/loss.h"

#include <algorithm>
#include <cmath>

#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/loss.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

namespace {

template <class Element>
HWY_INLINE void largest_and_sum(const Element* row, int64_t count, float* max, float* sum_of_exponentials) {
  const Floats f;
  *max = largest(row, count);
  const auto scale = hn::Set(f, log2_of_e);
  const auto base = hn::Set(f, *max);
  *sum_of_exponentials = sum(count, [&](int64_t v, const auto& access)
                                        HWY_ATTR { return exp2(hn::Mul(hn::Sub(access.load(row + v), base), scale)); });
}

// row = factor exp(row - max)
template <class Element>
HWY_INLINE void scale_exponentials(Element* row, int64_t count, float max, float factor) {
  const Floats f;
  const auto scale = hn::Set(f, log2_of_e);
  const auto base = hn::Set(f, max);
  const auto multiplier = hn::Set(f, factor);
  sweep(count, [&](int64_t v, const auto& access) HWY_ATTR {
    const auto value = hn::Mul(hn::Sub(access.load(row + v), base), scale);
    access.store(hn::Mul(multiplier, exp2(value)), row + v);
  });
}

}  // namespace

// Rows [begin, end).
void Statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid, const Tensor& max,
                const Tensor& sum, const Tensor& target_logit, int64_t begin, int64_t end) {
  const int64_t columns = logits.shape().last();
  with_element(logits.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      const Element* row = logits.data<Element>() + t * columns;
      largest_and_sum(row, num_valid, max.data<float>() + t, sum.data<float>() + t);
      const int64_t target = targets.data<int32_t>()[t] - first_token;
      target_logit.data<float>()[t] = target >= 0 && target < num_valid ? static_cast<float>(row[target]) : 0;
    }
  });
}

void Gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid, const Tensor& max,
              const Tensor& sum, double scale, int64_t begin, int64_t end) {
  const int64_t columns = logits.shape().last();
  with_element(logits.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      Element* row = logits.data<Element>() + t * columns;
      const int32_t token = targets.data<int32_t>()[t];
      const int64_t filled = token == -1 ? 0 : num_valid;
      std::fill(row + filled, row + columns, Element(0.0F));
      if (token == -1) continue;
      const int64_t target = token - first_token;
      const bool here = target >= 0 && target < num_valid;
      const float peak = max.data<float>()[t];
      const auto factor = static_cast<float>(scale / sum.data<float>()[t]);
      // Of the target before it is rounded, as the difference to 1 may be small.
      const float logit = here ? static_cast<float>(row[target]) : 0;
      scale_exponentials(row, num_valid, peak, factor);
      if (here) row[target] = Element(factor * std::exp(logit - peak) - static_cast<float>(scale));
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(Statistics);
HWY_EXPORT(Gradient);

}  // namespace

void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                              const Tensor& max, const Tensor& sum, const Tensor& target_logit, int num_threads) {
  const int64_t grain = row_grain(logits.shape().last());
  parallel_ranges(num_threads, logits.shape().num_rows(), grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Statistics)(logits, targets, first_token, num_valid, max, sum, target_logit, begin, end);
  });
}

void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                            const Tensor& max, const Tensor& sum, double scale, int num_threads) {
  const int64_t grain = row_grain(logits.shape().last());
  parallel_ranges(num_threads, logits.shape().num_rows(), grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(Gradient)(logits, targets, first_token, num_valid, max, sum, scale, begin, end);
  });
}

}  // namespace kumiko::cpu
#endif
