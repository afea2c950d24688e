// Dropout, sums and scaling, element by element.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write, int num_threads);
void add(const Tensor& x, const Tensor& y, int num_threads);
void scale(const Tensor& x, double factor, int num_threads);
// In double, in blocks of a fixed size.
double sum_of_squares(const Tensor& x, int num_threads);
void add_squares(const Tensor& x, ExactSum& sum, int num_threads);

}  // namespace kumiko::cpu
