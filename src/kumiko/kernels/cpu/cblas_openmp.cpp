// Any library that takes its number of threads from OpenMP: Fujitsu's SSL2, MKL.
#include <omp.h>

#include "kumiko/kernels/cpu/cblas.h"

namespace kumiko::cpu {

std::string cblas_library() { return KUMIKO_CBLAS_VENDOR; }

void set_cblas_threads(int num_threads) { omp_set_num_threads(num_threads); }

}  // namespace kumiko::cpu
