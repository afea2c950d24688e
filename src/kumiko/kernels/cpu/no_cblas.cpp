// In place of linear_cblas.cpp where no CBLAS was asked for.
#include "kumiko/base/error.h"
#include "kumiko/kernels/cpu/linear.h"

namespace kumiko::cpu {

std::unique_ptr<LinearProducts> make_cblas_products(std::shared_ptr<MemoryPool>, int, DType) {
  throw_user(
      "train.linear_backend = cblas: this program was built without a CBLAS; configure it with -DKUMIKO_CBLAS=openblas "
      "(or "
      "blis, or a vendor that CMake's FindBLAS knows) and build again");
}

}  // namespace kumiko::cpu
