// What a model keeps in memory, as pure functions of its shape.
#pragma once

#include <cstdint>

#include "kumiko/model/options.h"

namespace kumiko {

// Bytes that the forward of one micro-batch of `batch` x `sequence` tokens leaves for its backward, with elements of
// `element_size` bytes.
int64_t stash_bytes(const ModelOptions& options, int64_t batch, int64_t sequence, int64_t element_size);

}  // namespace kumiko
