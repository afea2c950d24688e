// GELU in its tanh form, and SwiGLU, by vectors.
#pragma once

#include "kumiko/tensor/tensor.h"

namespace kumiko::cpu {

void gelu_forward(const Tensor& x, const Tensor& y, int num_threads);
void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx, int num_threads);

void swiglu_forward(const Tensor& x, const Tensor& y, int num_threads);
void swiglu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx, int num_threads);

}  // namespace kumiko::cpu
