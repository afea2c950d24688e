// The optimizers' updates: one pass over weight, gradient and state.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient, const Tensor& first_moment,
           const Tensor& second_moment, int num_threads);
void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
         const Tensor& gradient, const Tensor& velocity, int num_threads);

}  // namespace kumiko::cpu
