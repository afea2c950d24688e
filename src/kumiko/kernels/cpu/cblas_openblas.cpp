#include <cblas.h>
#include <omp.h>

#include "kumiko/kernels/cpu/cblas.h"

namespace kumiko::cpu {

std::string cblas_library() {
  // "OpenBLAS 0.3.21 DYNAMIC_ARCH ...", of which the first two words.
  const std::string config = openblas_get_config();
  return config.substr(0, config.find(' ', config.find(' ') + 1));
}

void set_cblas_threads(int num_threads) {
  omp_set_num_threads(num_threads);
  openblas_set_num_threads(num_threads);
}

}  // namespace kumiko::cpu
