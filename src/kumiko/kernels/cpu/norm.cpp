#include "kumiko/kernels/cpu/norm.h"

#include <cmath>

#include "kumiko/kernels/cpu/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kumiko/kernels/cpu/norm.cpp"
#include <hwy/foreach_target.h>

#include "kumiko/kernels/cpu/sweep-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kumiko::cpu::HWY_NAMESPACE {

// mean and rstd may be null.
void LayerNormForward(const float* x, const float* gamma, const float* beta, float eps, float* y, float* mean,
                      float* rstd, int64_t rows, int64_t size) {
  const Floats f;
  const float inverse_size = 1 / static_cast<float>(size);
  for (int64_t t = 0; t < rows; ++t) {
    const float* row = x + t * size;
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

// dgamma and dbeta [H] are overwritten with the sums over these rows.
void LayerNormBackward(const float* dy, const float* x, const float* gamma, const float* mean, const float* rstd,
                       float* dx, bool accumulate, float* dgamma, float* dbeta, int64_t rows, int64_t size) {
  const Floats f;
  const float inverse_size = 1 / static_cast<float>(size);
  for (int64_t h = 0; h < size; ++h) dgamma[h] = dbeta[h] = 0;
  for (int64_t t = 0; t < rows; ++t) {
    const float* x_row = x + t * size;
    const float* dy_row = dy + t * size;
    float* dx_row = dx + t * size;
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
void ColumnSums(const float* x, float* sums, int64_t rows, int64_t columns) {
  for (int64_t n = 0; n < columns; ++n) sums[n] = 0;
  int64_t t = 0;
  for (; t + 4 <= rows; t += 4) {
    const float* row = x + t * columns;
    sweep(columns, [&](int64_t n, const auto& access) HWY_ATTR {
      const auto first = hn::Add(access.load(row + n), access.load(row + columns + n));
      const auto second = hn::Add(access.load(row + 2 * columns + n), access.load(row + 3 * columns + n));
      access.store(hn::Add(access.load(sums + n), hn::Add(first, second)), sums + n);
    });
  }
  for (; t < rows; ++t) {
    for (int64_t n = 0; n < columns; ++n) sums[n] += x[t * columns + n];
  }
}

}  // namespace kumiko::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kumiko::cpu {
namespace {

HWY_EXPORT(LayerNormForward);
HWY_EXPORT(LayerNormBackward);
HWY_EXPORT(ColumnSums);

// Rows are summed in blocks whose size depends on the number of rows alone, and the blocks in their order: the same
// bits with any number of threads.
struct RowBlocks {
  explicit RowBlocks(int64_t num_rows) : rows(num_rows), size(std::max<int64_t>(32, (num_rows + 63) / 64)) {}
  int64_t count() const { return (rows + size - 1) / size; }

  int64_t rows, size;
};

// out [width] += the blocks' partial sums, `stride` apart.
void add_partial_sums(const float* partial, int64_t stride, int64_t num_blocks, int64_t width, float* out) {
  for (int64_t block = 0; block < num_blocks; ++block) {
    for (int64_t h = 0; h < width; ++h) out[h] += partial[block * stride + h];
  }
}

}  // namespace

void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                        const Tensor& mean, const Tensor& rstd, int num_threads) {
  const int64_t size = x.shape().last();
  parallel_ranges(num_threads, x.shape().num_rows(), row_grain(size), [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(LayerNormForward)
    (x.data<float>() + begin * size, gamma.data<float>(), beta.data<float>(), static_cast<float>(eps),
     y.data<float>() + begin * size, mean ? mean.data<float>() + begin : nullptr,
     rstd ? rstd.data<float>() + begin : nullptr, end - begin, size);
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
      const int64_t begin = block * blocks.size;
      const int64_t rows = std::min(blocks.size, blocks.rows - begin);
      float* const sums = partial + block * 2 * size;
      HWY_DYNAMIC_DISPATCH(LayerNormBackward)
      (dy.data<float>() + begin * size, x.data<float>() + begin * size, gamma.data<float>(), mean.data<float>() + begin,
       rstd.data<float>() + begin, dx.data<float>() + begin * size, write == Write::accumulate, sums, sums + size, rows,
       size);
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
      const int64_t begin = block * blocks.size;
      HWY_DYNAMIC_DISPATCH(ColumnSums)
      (x.data<float>() + begin * columns, partial + block * columns, std::min(blocks.size, blocks.rows - begin),
       columns);
    }
  });
  add_partial_sums(partial, columns, blocks.count(), columns, sums.data<float>());
}

}  // namespace kumiko::cpu
#endif
