// Sharing a loop out to OpenMP threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace kumiko::cpu {

// body(begin, end) on pieces of [0, count), one a thread, each a multiple of `grain` but for the last. Small loops stay
// on the calling thread. The team always has num_threads threads: libgomp would end those that a smaller one leaves
// out, and with them their binding to a core (mesh/node.h).
template <class Body>
void parallel_ranges(int num_threads, int64_t count, int64_t grain, const Body& body) {
  const int64_t pieces = std::min<int64_t>(num_threads, (count + grain - 1) / grain);
  if (pieces <= 1) {
    if (count > 0) body(0, count);
    return;
  }
  const int64_t size = ((count + pieces - 1) / pieces + grain - 1) / grain * grain;
#pragma omp parallel for schedule(static) num_threads(num_threads)
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t begin = piece * size;
    const int64_t end = std::min(begin + size, count);
    if (begin < end) body(begin, end);
  }
}

// Elements that are worth waking another thread for.
inline constexpr int64_t element_grain = 1 << 14;

// As many rows of `columns` elements.
inline int64_t row_grain(int64_t columns) {
  return std::max<int64_t>(1, element_grain / std::max<int64_t>(columns, 1));
}

}  // namespace kumiko::cpu
