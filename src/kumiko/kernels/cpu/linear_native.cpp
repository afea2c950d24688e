#include "kumiko/kernels/cpu/linear.h"
#include "kumiko/kernels/cpu/prepared.h"
#include "kumiko/kernels/cpu/product.h"

namespace kumiko::cpu {
namespace {

// Below this many rows, laying out the weight costs more than the product.
constexpr int64_t few_rows = 6;

// A matrix [rows, columns] whose rows are the lines, or whose columns are.
ProductOperand rows_of(const Tensor& matrix) { return {matrix.raw(), matrix.dtype(), matrix.shape().last(), 1, false}; }
ProductOperand columns_of(const Tensor& matrix) {
  return {matrix.raw(), matrix.dtype(), 1, matrix.shape().last(), false};
}

// The same lines, from another term on.
ProductOperand from_term(ProductOperand operand, int64_t term) {
  const int64_t bytes = term * operand.depth_stride * static_cast<int64_t>(size_of(operand.type));
  operand.data = static_cast<const char*>(operand.data) + bytes;
  return operand;
}

ProductResult result_of(const Tensor& y, Write write, const Tensor& bias) {
  return {y.raw(), y.dtype(), write, bias ? bias.data<float>() : nullptr, ProductFinish::plain, nullptr};
}

class NativeProducts final : public LinearProducts {
 public:
  NativeProducts(const std::shared_ptr<MemoryPool>& pool, int num_threads)
      : LinearProducts(pool, num_threads), workspace_(pool) {}

  std::string description() const override { return "own products"; }

  std::unique_ptr<PreparedWeight> prepare(const Tensor& weight, std::unique_ptr<PreparedWeight>) override {
    auto prepared = std::make_unique<CpuWeight>();
    prepared->plain = weight;
    return prepared;
  }

  void forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
               Write write) override {
    const Product product = forward_product(x, weight, result_of(y, write, bias));
    if (product.num_rows > few_rows) return run(product);
    multiply_few_rows(product, num_threads_);
  }
  void backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) override {
    run(backward_input_product(dy, weight, result_of(dx, write, {})));
  }
  void forward_terms(const Tensor& x, const PreparedWeight& weight, const ProductTerms& terms, const Tensor& bias,
                     const Tensor& y, Write write) override {
    run_terms(forward_product(x, weight, result_of(y, write, bias)), terms);
  }
  void backward_input_terms(const Tensor& dy, const PreparedWeight& weight, const ProductTerms& terms, const Tensor& dx,
                            Write write) override {
    run_terms(backward_input_product(dy, weight, result_of(dx, write, {})), terms);
  }
  void backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight) override {
    run(backward_weight_product(x, dy, dweight));
  }

  void forward_gelu(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& pre,
                    const Tensor& y) override {
    ProductResult result = result_of(y, Write::overwrite, bias);
    result.finish = ProductFinish::gelu;
    result.pre = pre.raw();
    run(forward_product(x, weight, result));
  }
  void backward_input_gelu(const Tensor& dy, const PreparedWeight& weight, const Tensor& pre,
                           const Tensor& dpre) override {
    ProductResult result = result_of(dpre, Write::overwrite, {});
    result.finish = ProductFinish::gelu_gradient;
    result.pre = pre.raw();
    run(backward_input_product(dy, weight, result));
  }
  void backward_weight_gelu(const Tensor& pre, const Tensor& dy, const Tensor& dweight) override {
    Product product = backward_weight_product(pre, dy, dweight);
    product.b.gelu = true;
    run(product);
  }

 private:
  static Product forward_product(const Tensor& x, const PreparedWeight& weight, const ProductResult& y) {
    const Tensor& plain = plain_weight(weight);
    return {x.shape().num_rows(), plain.shape()[0], plain.shape()[1], rows_of(x), rows_of(plain), y};
  }
  static Product backward_input_product(const Tensor& dy, const PreparedWeight& weight, const ProductResult& dx) {
    const Tensor& plain = plain_weight(weight);
    return {dy.shape().num_rows(), plain.shape()[1], plain.shape()[0], rows_of(dy), columns_of(plain), dx};
  }
  static Product backward_weight_product(const Tensor& x, const Tensor& dy, const Tensor& dweight) {
    return {dweight.shape()[0], dweight.shape()[1], x.shape().num_rows(),
            columns_of(dy),     columns_of(x),      result_of(dweight, Write::accumulate, {})};
  }

  void run_terms(Product product, const ProductTerms& terms) {
    product.a = from_term(product.a, terms.first_column);
    product.b = from_term(product.b, terms.first_term);
    product.depth = terms.count;
    product.whole_sums = true;
    run(product);
  }
  void run(const Product& product) {
    if (product.num_rows == 0 || product.depth == 0) return;
    multiply(product, num_threads_, workspace_);
  }

  Workspace workspace_;
};

}  // namespace

std::unique_ptr<LinearProducts> make_native_products(std::shared_ptr<MemoryPool> pool, int num_threads) {
  return std::make_unique<NativeProducts>(pool, num_threads);
}

}  // namespace kumiko::cpu
