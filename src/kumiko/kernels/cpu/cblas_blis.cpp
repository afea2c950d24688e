#include <blis.h>

#include "kumiko/kernels/cpu/cblas.h"

namespace kumiko::cpu {

std::string cblas_library() { return std::string("BLIS ") + bli_info_get_version_str(); }

void set_cblas_threads(int num_threads) { bli_thread_set_num_threads(num_threads); }

}  // namespace kumiko::cpu
