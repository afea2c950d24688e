#include <algorithm>

#include "kumiko/comm/algorithms.h"

namespace kumiko {

int64_t all_reduce_memory(int64_t num_elements, DType dtype, int size, const AlgorithmOptions& options) {
  if (size == 1) return 0;
  const auto element = static_cast<int64_t>(size_of(dtype));
  const int64_t most = std::min(std::max<int64_t>(size, options.piece_bytes / element), num_elements);
  if (num_elements * element <= options.small_bytes && element > 2) return num_elements * element;
  return size * ((most + size - 1) / size) * element;
}

int64_t reduce_scatter_memory(int64_t num_elements, DType dtype, int size, const AlgorithmOptions& options) {
  if (size == 1) return 0;
  const auto element = static_cast<int64_t>(size_of(dtype));
  const int64_t piece = std::max<int64_t>(size, options.piece_bytes / element);
  return size * std::min(num_elements / size, piece / size) * element;
}

}  // namespace kumiko
