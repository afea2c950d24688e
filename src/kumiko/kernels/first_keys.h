// AttentionShape::first_keys of one sequence: pure functions over its queries. Those of documents are in
// data/document_mask.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace kumiko {

// Narrows first_keys [Sq] to a sliding window: a query sees `window` keys at most, the last of them its own, which for
// query i is key i + num_keys - Sq. Zeros become the window's alone; the first keys of documents stay where the
// document is the shorter. window >= 1.
inline void window_first_keys(int64_t num_keys, int64_t window, std::span<int32_t> first_keys) {
  const int64_t before = num_keys - static_cast<int64_t>(first_keys.size());
  for (size_t i = 0; i < first_keys.size(); ++i) {
    const int64_t first = static_cast<int64_t>(i) + before - window + 1;
    first_keys[i] = static_cast<int32_t>(std::max<int64_t>(first_keys[i], first));
  }
}

}  // namespace kumiko
