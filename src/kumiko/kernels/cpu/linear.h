// The products of linear layers, by whichever code is best at them: our own, or a library behind the same contract.
#pragma once

#include <memory>
#include <string>

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

// See Kernels for shapes; arguments are checked. `weight` must come from prepare() of the same object.
class LinearProducts {
 public:
  virtual ~LinearProducts() = default;

  virtual std::string description() const = 0;
  virtual std::unique_ptr<PreparedWeight> prepare(const Tensor& weight, std::unique_ptr<PreparedWeight> previous) = 0;
  virtual void forward(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& y,
                       Write write) = 0;
  virtual void backward_input(const Tensor& dy, const PreparedWeight& weight, const Tensor& dx, Write write) = 0;
  // User error, unless a backend can.
  virtual void forward_terms(const Tensor& x, const PreparedWeight& weight, const ProductTerms& terms,
                             const Tensor& bias, const Tensor& y, Write write);
  virtual void backward_input_terms(const Tensor& dy, const PreparedWeight& weight, const ProductTerms& terms,
                                    const Tensor& dx, Write write);
  // Without the bias.
  virtual void backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight) = 0;

  // With GELU on the way. Unless a backend fuses them, a product and a pass over its result.
  virtual void forward_gelu(const Tensor& x, const PreparedWeight& weight, const Tensor& bias, const Tensor& pre,
                            const Tensor& y);
  virtual void backward_input_gelu(const Tensor& dy, const PreparedWeight& weight, const Tensor& pre,
                                   const Tensor& dpre);
  virtual void backward_weight_gelu(const Tensor& pre, const Tensor& dy, const Tensor& dweight);

 protected:
  LinearProducts(std::shared_ptr<MemoryPool> pool, int num_threads)
      : pool_(std::move(pool)), num_threads_(num_threads) {}

  std::shared_ptr<MemoryPool> pool_;
  int num_threads_;

 private:
  [[noreturn]] void refuse_terms() const;
};

const Shape& weight_shape(const PreparedWeight& weight);

// Our own: any element type, weights read where they lie.
std::unique_ptr<LinearProducts> make_native_products(std::shared_ptr<MemoryPool> pool, int num_threads);
// oneDNN: f32, and bf16 where the CPU has instructions for it; weights are laid out once an update and kept. User error
// for other types and CPUs, or if this program was built without it.
std::unique_ptr<LinearProducts> make_onednn_products(std::shared_ptr<MemoryPool> pool, int num_threads, DType type);
// cblas_sgemm of the library that KUMIKO_CBLAS named when the program was built: f32. User error for other types, or if
// none was named.
std::unique_ptr<LinearProducts> make_cblas_products(std::shared_ptr<MemoryPool> pool, int num_threads, DType type);

}  // namespace kumiko::cpu
