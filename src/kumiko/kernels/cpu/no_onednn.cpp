// In place of linear_onednn.cpp where the library is absent.
#include "kumiko/base/error.h"
#include "kumiko/kernels/cpu/linear.h"

namespace kumiko::cpu {

std::unique_ptr<LinearProducts> make_onednn_products(std::shared_ptr<MemoryPool>, int, DType) {
  throw_user(
      "train.linear_backend = onednn: this program was built without oneDNN; install libdnnl-dev and build again");
}

}  // namespace kumiko::cpu
