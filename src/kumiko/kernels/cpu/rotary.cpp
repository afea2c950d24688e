#include "kumiko/kernels/cpu/rotary.h"

#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/rotary.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// Rows [begin, end) of all sequences, counted through.
void RotateRows(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine, bool inverse,
                int64_t begin, int64_t end) {
  const int64_t half = shape.head_size / 2;
  with_element(x.tensor.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t s = r % shape.num_rows;
      const float* c = cosine.data<float>() + (shape.first_position + s) * half;
      const float* n = sine.data<float>() + (shape.first_position + s) * half;
      Element* row = x.tensor.data<Element>() + x.offset + r / shape.num_rows * x.batch_stride + s * x.row_stride;
      for (int64_t a = 0; a < shape.num_heads; ++a) {
        Element* head = row + a * shape.head_size;
        sweep(half, [&](int64_t d, const auto& access) HWY_ATTR {
          const auto first = access.load(head + d);
          const auto second = access.load(head + half + d);
          const auto along = access.load(c + d);
          auto across = access.load(n + d);
          if (inverse) across = hn::Neg(across);
          access.store(hn::MulSub(first, along, hn::Mul(second, across)), head + d);
          access.store(hn::MulAdd(second, along, hn::Mul(first, across)), head + half + d);
        });
      }
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(RotateRows);

}  // namespace

void rotate(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine, bool inverse,
            int num_threads) {
  const int64_t grain = row_grain(shape.num_heads * shape.head_size);
  parallel_ranges(num_threads, shape.batch * shape.num_rows, grain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(RotateRows)(shape, x, cosine, sine, inverse, begin, end);
  });
}

}  // namespace kumiko::cpu
#endif
