#include "kumiko/kernels/cpu/norm.h"

#include <cmath>

#include "kumiko/kernels/cpu/element.h"
#include "kumiko/kernels/cpu/parallel.h"
#include "kumiko/kernels/cpu/row_blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/norm.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

namespace {

// mean and rstd may be null.
template <class Element>
void forward_rows(const Element* x, const float* gamma, const float* beta, float eps, Element* y, float* mean,
                  float* rstd, int64_t rows, int64_t size) {
  const Floats f;
  const float inverse_size = 1 / static_cast<float>(size);
  for (int64_t t = 0; t < rows; ++t) {
    const Element* row = x + t * size;
    const float average =
        sum(size, [&](int64_t h, const auto& access) HWY_ATTR { return access.load(row + h); }) * inverse_size;
    const auto center = hn::Set(f, average);
    const float squares = sum(size, [&](int64_t h, const auto& access) HWY_ATTR {
      const auto deviation = hn::Sub(access.load(row + h), center);
      return hn::Mul(deviation, deviation);
    });
    const float scale = 1 / std::sqrt(squares * inverse_size + eps);
    sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
      const auto normal = hn::Mul(hn::Sub(access.load(row + h), center), hn::Set(f, scale));
      access.store(hn::MulAdd(normal, access.load(gamma + h), access.load(beta + h)), y + t * size + h);
    });
    if (mean != nullptr) mean[t] = average;
    if (rstd != nullptr) rstd[t] = scale;
  }
}

template <class Element>
void backward_rows(const Element* dy, const Element* x, const float* gamma, const float* mean, const float* rstd,
                   Element* dx, bool accumulate, float* dgamma, float* dbeta, int64_t rows, int64_t size) {
  const Floats f;
  const float inverse_size = 1 / static_cast<float>(size);
  for (int64_t h = 0; h < size; ++h) dgamma[h] = dbeta[h] = 0;
  for (int64_t t = 0; t < rows; ++t) {
    const Element* x_row = x + t * size;
    const Element* dy_row = dy + t * size;
    Element* dx_row = dx + t * size;
    const auto center = hn::Set(f, mean[t]);
    const auto scale = hn::Set(f, rstd[t]);
    auto total = hn::Zero(f);
    auto moment = hn::Zero(f);
    sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
      const auto normal = hn::Mul(hn::Sub(access.load(x_row + h), center), scale);
      const auto gradient = access.load(dy_row + h);
      const auto scaled = hn::Mul(gradient, access.load(gamma + h));
      total = hn::Add(total, scaled);
      moment = hn::MulAdd(scaled, normal, moment);
      access.store(hn::MulAdd(gradient, normal, access.load(dgamma + h)), dgamma + h);
      access.store(hn::Add(gradient, access.load(dbeta + h)), dbeta + h);
    });
    const auto average = hn::Set(f, hn::GetLane(hn::SumOfLanes(f, total)) * inverse_size);
    const auto average_moment = hn::Set(f, hn::GetLane(hn::SumOfLanes(f, moment)) * inverse_size);
    sweep(size, [&](int64_t h, const auto& access) HWY_ATTR {
      const auto normal = hn::Mul(hn::Sub(access.load(x_row + h), center), scale);
      const auto scaled = hn::Mul(access.load(dy_row + h), access.load(gamma + h));
      auto result = hn::Mul(scale, hn::NegMulAdd(normal, average_moment, hn::Sub(scaled, average)));
      if (accumulate) result = hn::Add(result, access.load(dx_row + h));
      access.store(result, dx_row + h);
    });
  }
}

// sums [N] = the columns' sums over these rows.
template <class Element>
void column_sums(const Element* x, float* sums, int64_t rows, int64_t columns) {
  for (int64_t n = 0; n < columns; ++n) sums[n] = 0;
  int64_t t = 0;
  for (; t + 4 <= rows; t += 4) {
    const Element* row = x + t * columns;
    sweep(columns, [&](int64_t n, const auto& access) HWY_ATTR {
      const auto first = hn::Add(access.load(row + n), access.load(row + columns + n));
      const auto second = hn::Add(access.load(row + 2 * columns + n), access.load(row + 3 * columns + n));
      access.store(hn::Add(access.load(sums + n), hn::Add(first, second)), sums + n);
    });
  }
  for (; t < rows; ++t) {
    const Element* row = x + t * columns;
    sweep(columns, [&](int64_t n, const auto& access)
                       HWY_ATTR { access.store(hn::Add(access.load(sums + n), access.load(row + n)), sums + n); });
  }
}

}  // namespace

// Rows [begin, end) of each.
void LayerNormForward(const Tensor& x, const Tensor& gamma, const Tensor& beta, float eps, const Tensor& y,
                      const Tensor& mean, const Tensor& rstd, int64_t begin, int64_t end) {
  const int64_t size = x.shape().last();
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    forward_rows(x.data<Element>() + begin * size, gamma.data<float>(), beta.data<float>(), eps,
                 y.data<Element>() + begin * size, mean ? mean.data<float>() + begin : nullptr,
                 rstd ? rstd.data<float>() + begin : nullptr, end - begin, size);
  });
}

// dgamma and dbeta [H] are overwritten with the sums over these rows.
void LayerNormBackward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd,
                       const Tensor& dx, bool accumulate, float* dgamma, float* dbeta, int64_t begin, int64_t end) {
  const int64_t size = x.shape().last();
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    backward_rows(dy.data<Element>() + begin * size, x.data<Element>() + begin * size, gamma.data<float>(),
                  mean.data<float>() + begin, rstd.data<float>() + begin, dx.data<Element>() + begin * size, accumulate,
                  dgamma, dbeta, end - begin, size);
  });
}

void ColumnSums(const Tensor& x, float* sums, int64_t begin, int64_t end) {
  const int64_t columns = x.shape().last();
  with_element(x.dtype(), [&]<class Element>(Element) HWY_ATTR {
    column_sums(x.data<Element>() + begin * columns, sums, end - begin, columns);
  });
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(LayerNormForward);
HWY_EXPORT(LayerNormBackward);
HWY_EXPORT(ColumnSums);

}  // namespace

void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                        const Tensor& mean, const Tensor& rstd, int num_threads) {
  parallel_ranges(num_threads, x.shape().num_rows(), row_grain(x.shape().last()), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(LayerNormForward)(x, gamma, beta, static_cast<float>(eps), y, mean, rstd, begin, end);
  });
}

void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd,
                         const Tensor& dx, Write write, const Tensor& dgamma, const Tensor& dbeta, int num_threads,
                         Workspace& workspace) {
  const int64_t size = x.shape().last();
  const RowBlocks blocks(x.shape().num_rows());
  float* const partial = workspace.floats(blocks.count() * 2 * size);
  parallel_ranges(num_threads, blocks.count(), 1, [&](int64_t first_block, int64_t last_block) {
    for (int64_t block = first_block; block < last_block; ++block) {
      float* const sums = partial + block * 2 * size;
      HWY_DYNAMIC_DISPATCH(LayerNormBackward)
      (dy, x, gamma, mean, rstd, dx, write == Write::accumulate, sums, sums + size, blocks.begin(block),
       blocks.end(block));
    }
  });
  add_partial_sums(partial, 2 * size, blocks.count(), size, dgamma.data<float>());
  add_partial_sums(partial + size, 2 * size, blocks.count(), size, dbeta.data<float>());
}

void add_column_sums(const Tensor& x, const Tensor& sums, int num_threads, Workspace& workspace) {
  const int64_t columns = x.shape().last();
  const RowBlocks blocks(x.shape().num_rows());
  float* const partial = workspace.floats(blocks.count() * columns);
  parallel_ranges(num_threads, blocks.count(), 1, [&](int64_t first_block, int64_t last_block) {
    for (int64_t block = first_block; block < last_block; ++block) {
      HWY_DYNAMIC_DISPATCH(ColumnSums)(x, partial + block * columns, blocks.begin(block), blocks.end(block));
    }
  });
  add_partial_sums(partial, columns, blocks.count(), columns, sums.data<float>());
}

}  // namespace kumiko::cpu
#endif
