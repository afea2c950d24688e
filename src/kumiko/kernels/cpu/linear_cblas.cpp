// Linear layers by cblas_sgemm, for processors whose vendor knows them best. The bits depend on the library and on its
// number of threads.
#include <cblas.h>

#include <limits>

#include "kumiko/base/error.h"
#include "kumiko/kernels/cpu/cblas.h"
#include "kumiko/kernels/cpu/linear.h"
#include "kumiko/kernels/cpu/parallel.h"
#include "kumiko/kernels/cpu/prepared.h"

namespace kumiko::cpu {
namespace {

int blas_size(int64_t size) {
  if (size > std::numeric_limits<int>::max()) {
    throw_user(
        "train.linear_backend = cblas: a matrix of {} rows or columns, expected at most {}; use train.linear_backend = "
        "native",
        size, std::numeric_limits<int>::max());
  }
  return static_cast<int>(size);
}

// Row-major; read as it lies or transposed.
struct Matrix {
  const Tensor& tensor;
  CBLAS_TRANSPOSE transpose;
};

class CblasProducts final : public LinearProducts {
 public:
  CblasProducts(const std::shared_ptr<MemoryPool>& pool, int num_threads) : LinearProducts(pool, num_threads) {}

  std::string description() const override { return cblas_library(); }

  std::unique_ptr<PreparedWeight> prepare(const Tensor& weight, std::unique_ptr<PreparedWeight>) override {
    auto prepared = std::make_unique<CpuWeight>();
    prepared->plain = weight;
    return prepared;
  }

  void forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
               Write write) override {
    if (bias) set_rows(bias, y, write);
    multiply({x, CblasNoTrans}, {plain_weight(weight), CblasTrans}, y, bias ? Write::accumulate : write);
  }
  void backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) override {
    multiply({dy, CblasNoTrans}, {plain_weight(weight), CblasNoTrans}, dx, write);
  }
  void backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight) override {
    multiply({dy, CblasTrans}, {x, CblasNoTrans}, dweight, Write::accumulate);
  }

 private:
  // c = or += a b
  void multiply(const Matrix& a, const Matrix& b, const Tensor& c, Write write) const {
    if (a.tensor.num_elements() == 0 || b.tensor.num_elements() == 0) return;
    const int a_columns = blas_size(a.tensor.shape().last());
    const int b_columns = blas_size(b.tensor.shape().last());
    const int columns = blas_size(c.shape().last());
    const int rows = blas_size(c.shape().num_rows());
    const int depth = a.transpose == CblasTrans ? blas_size(a.tensor.shape().num_rows()) : a_columns;
    set_cblas_threads(num_threads_);
    cblas_sgemm(CblasRowMajor, a.transpose, b.transpose, rows, columns, depth, 1.0F, a.tensor.data<float>(), a_columns,
                b.tensor.data<float>(), b_columns, write == Write::accumulate ? 1.0F : 0.0F, c.data<float>(), columns);
  }

  // Each row of y = or += row.
  void set_rows(const Tensor& row, const Tensor& y, Write write) const {
    const int64_t columns = y.shape().last();
    const float* const from = row.data<float>();
    parallel_ranges(num_threads_, y.shape().num_rows(), row_grain(columns), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        float* const to = y.data<float>() + t * columns;
        for (int64_t n = 0; n < columns; ++n) to[n] = write == Write::accumulate ? to[n] + from[n] : from[n];
      }
    });
  }
};

}  // namespace

std::unique_ptr<LinearProducts> make_cblas_products(std::shared_ptr<MemoryPool> pool, int num_threads, DType type) {
  if (type != DType::f32) {
    throw_user("train.linear_backend = cblas: its products know fp32, not {}; use train.linear_backend = native",
               name_of(type));
  }
  return std::make_unique<CblasProducts>(pool, num_threads);
}

}  // namespace kumiko::cpu
