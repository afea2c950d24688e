// Rotary position embedding.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

void rotate(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine, bool inverse,
            int num_threads);

}  // namespace kumiko::cpu
