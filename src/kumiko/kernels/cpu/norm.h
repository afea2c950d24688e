// The norms, and the sums over rows that biases and norms want.
#pragma once

#include "kumiko/kernels/cpu/workspace.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                        const Tensor& mean, const Tensor& rstd, int num_threads);
void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd,
                         const Tensor& dx, Write write, const Tensor& dgamma, const Tensor& dbeta, int num_threads,
                         Workspace& workspace);

void rms_norm_forward(const Tensor& x, const Tensor& gamma, double eps, const Tensor& y, const Tensor& rstd,
                      int num_threads);
void rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd, const Tensor& dx,
                       Write write, const Tensor& dgamma, int num_threads, Workspace& workspace);

// sums [N] += the columns of x [T, N].
void add_column_sums(const Tensor& x, const Tensor& sums, int num_threads, Workspace& workspace);

}  // namespace kumiko::cpu
