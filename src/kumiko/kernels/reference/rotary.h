// Rotary position embedding as its formula reads.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::reference {

template <class Real>
void rotate(const RotaryShape& shape, const HeadsView& x, const Tensor& cosine, const Tensor& sine, bool inverse) {
  const int64_t half = shape.head_size / 2;
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t s = 0; s < shape.num_rows; ++s) {
      const Real* c = cosine.data<Real>() + (shape.first_position + s) * half;
      const Real* n = sine.data<Real>() + (shape.first_position + s) * half;
      for (int64_t a = 0; a < shape.num_heads; ++a) {
        Real* head = x.tensor.data<Real>() + x.offset + b * x.batch_stride + s * x.row_stride + a * shape.head_size;
        for (int64_t d = 0; d < half; ++d) {
          const double first = head[d];
          const double second = head[d + half];
          const double turn = inverse ? -double{n[d]} : double{n[d]};
          head[d] = static_cast<Real>(first * c[d] - second * turn);
          head[d + half] = static_cast<Real>(second * c[d] + first * turn);
        }
      }
    }
  }
}

}  // namespace kumiko::reference
