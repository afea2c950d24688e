#include <cmath>

#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/norm.h"
#include "kumiko/kernels/cpu/parallel.h"
#include "kumiko/kernels/cpu/row_blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/rms_norm.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// Rows [begin, end) of each.
void RmsNormForward(const Tensor& x, const Tensor& gamma, float eps, const Tensor& y, const Tensor& rstd, int64_t begin,
                    int64_t end) {
  const int64_t size = x.shape().last();
  const float* weights = gamma.data<float>();
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      const Element* row = x.data<Element>() + t * size;
      Element* out = y.data<Element>() + t * size;
      const float inverse = 1 / std::sqrt(dot(row, row, size) / static_cast<float>(size) + eps);
      const auto scale = hn::Set(Floats(), inverse);
      sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
        access.store(hn::Mul(hn::Mul(access.load(row + h), scale), access.load(weights + h)), out + h);
      });
      if (rstd) rstd.data<float>()[t] = inverse;
    }
  });
}

// dgamma [H] is overwritten with the sums over these rows.
void RmsNormBackward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd, const Tensor& dx,
                     bool accumulate, float* dgamma, int64_t begin, int64_t end) {
  const Floats f;
  const int64_t size = x.shape().last();
  const float* weights = gamma.data<float>();
  std::fill(dgamma, dgamma + size, 0.0F);
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    for (int64_t t = begin; t < end; ++t) {
      const Element* row = x.data<Element>() + t * size;
      const Element* dy_row = dy.data<Element>() + t * size;
      Element* dx_row = dx.data<Element>() + t * size;
      const auto scale = hn::Set(f, rstd.data<float>()[t]);
      auto moment = hn::Zero(f);
      sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
        const auto product = hn::Mul(access.load(dy_row + h), hn::Mul(access.load(row + h), scale));
        moment = hn::MulAdd(product, access.load(weights + h), moment);
        access.store(hn::Add(product, access.load(dgamma + h)), dgamma + h);
      });
      const float mean = hn::GetLane(hn::SumOfLanes(f, moment)) / static_cast<float>(size);
      const auto average = hn::Set(f, mean);
      sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
        const auto normal = hn::Mul(access.load(row + h), scale);
        const auto scaled = hn::Mul(access.load(dy_row + h), access.load(weights + h));
        auto result = hn::Mul(scale, hn::NegMulAdd(normal, average, scaled));
        if (accumulate) result = hn::Add(result, access.load(dx_row + h));
        access.store(result, dx_row + h);
      });
    }
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(RmsNormForward);
HWY_EXPORT(RmsNormBackward);

}  // namespace

void rms_norm_forward(const Tensor& x, const Tensor& gamma, double eps, const Tensor& y, const Tensor& rstd,
                      int num_threads) {
  parallel_ranges(num_threads, x.shape().num_rows(), row_grain(x.shape().last()), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(RmsNormForward)(x, gamma, static_cast<float>(eps), y, rstd, begin, end);
  });
}

void rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd, const Tensor& dx,
                       Write write, const Tensor& dgamma, int num_threads, Workspace& workspace) {
  const int64_t size = x.shape().last();
  const RowBlocks blocks(x.shape().num_rows());
  float* const partial = workspace.floats(blocks.count() * size);
  parallel_ranges(num_threads, blocks.count(), 1, [&](int64_t first_block, int64_t last_block) {
    for (int64_t block = first_block; block < last_block; ++block) {
      HWY_DYNAMIC_DISPATCH(RmsNormBackward)
      (dy, x, gamma, rstd, dx, write == Write::accumulate, partial + block * size, blocks.begin(block),
       blocks.end(block));
    }
  });
  add_partial_sums(partial, size, blocks.count(), size, dgamma.data<float>());
}

}  // namespace kumiko::cpu
#endif
