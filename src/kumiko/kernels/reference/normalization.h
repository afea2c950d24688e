// The norms as their formulas read.
#pragma once

#include <cmath>
#include <vector>

#include "kumiko/kernels/kernels.h"

namespace kumiko::reference {

template <class Real>
void layer_norm_forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps, const Tensor& y,
                        const Tensor& mean, const Tensor& rstd) {
  const int64_t size = x.shape().last();
  for (int64_t t = 0; t < x.shape().num_rows(); ++t) {
    const Real* row = x.data<Real>() + t * size;
    double sum = 0;
    for (int64_t h = 0; h < size; ++h) sum += row[h];
    const double average = sum / static_cast<double>(size);
    double squares = 0;
    for (int64_t h = 0; h < size; ++h) squares += (row[h] - average) * (row[h] - average);
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(size) + eps);
    for (int64_t h = 0; h < size; ++h) {
      y.data<Real>()[t * size + h] =
          static_cast<Real>((row[h] - average) * inverse * gamma.data<Real>()[h] + beta.data<Real>()[h]);
    }
    if (mean) mean.data<Real>()[t] = static_cast<Real>(average);
    if (rstd) rstd.data<Real>()[t] = static_cast<Real>(inverse);
  }
}

template <class Real>
void layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& mean, const Tensor& rstd,
                         const Tensor& dx, Write write, const Tensor& dgamma, const Tensor& dbeta) {
  const int64_t size = x.shape().last();
  const double inverse_size = 1 / static_cast<double>(size);
  std::vector<double> gamma_sums(dgamma.elements<Real>().begin(), dgamma.elements<Real>().end());
  std::vector<double> beta_sums(dbeta.elements<Real>().begin(), dbeta.elements<Real>().end());
  for (int64_t t = 0; t < x.shape().num_rows(); ++t) {
    const Real* row = x.data<Real>() + t * size;
    const Real* dy_row = dy.data<Real>() + t * size;
    const double average = mean.data<Real>()[t];
    const double inverse = rstd.data<Real>()[t];
    double sum = 0;     // of dy gamma
    double moment = 0;  // of dy gamma xhat
    for (int64_t h = 0; h < size; ++h) {
      const double normal = (row[h] - average) * inverse;
      const double scaled = double{dy_row[h]} * gamma.data<Real>()[h];
      sum += scaled;
      moment += scaled * normal;
      gamma_sums[static_cast<size_t>(h)] += dy_row[h] * normal;
      beta_sums[static_cast<size_t>(h)] += dy_row[h];
    }
    for (int64_t h = 0; h < size; ++h) {
      const double normal = (row[h] - average) * inverse;
      const double scaled = double{dy_row[h]} * gamma.data<Real>()[h];
      const double gradient = inverse * (scaled - inverse_size * sum - normal * inverse_size * moment);
      Real& out = dx.data<Real>()[t * size + h];
      out = static_cast<Real>(write == Write::accumulate ? out + gradient : gradient);
    }
  }
  for (int64_t h = 0; h < size; ++h) {
    dgamma.data<Real>()[h] = static_cast<Real>(gamma_sums[static_cast<size_t>(h)]);
    dbeta.data<Real>()[h] = static_cast<Real>(beta_sums[static_cast<size_t>(h)]);
  }
}

template <class Real>
void rms_norm_forward(const Tensor& x, const Tensor& gamma, double eps, const Tensor& y, const Tensor& rstd) {
  const int64_t size = x.shape().last();
  for (int64_t t = 0; t < x.shape().num_rows(); ++t) {
    const Real* row = x.data<Real>() + t * size;
    double squares = 0;
    for (int64_t h = 0; h < size; ++h) squares += double{row[h]} * row[h];
    const double inverse = 1 / std::sqrt(squares / static_cast<double>(size) + eps);
    for (int64_t h = 0; h < size; ++h) {
      y.data<Real>()[t * size + h] = static_cast<Real>(row[h] * inverse * gamma.data<Real>()[h]);
    }
    if (rstd) rstd.data<Real>()[t] = static_cast<Real>(inverse);
  }
}

template <class Real>
void rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& gamma, const Tensor& rstd, const Tensor& dx,
                       Write write, const Tensor& dgamma) {
  const int64_t size = x.shape().last();
  std::vector<double> gamma_sums(dgamma.elements<Real>().begin(), dgamma.elements<Real>().end());
  for (int64_t t = 0; t < x.shape().num_rows(); ++t) {
    const Real* row = x.data<Real>() + t * size;
    const Real* dy_row = dy.data<Real>() + t * size;
    const double inverse = rstd.data<Real>()[t];
    double moment = 0;  // mean of dy gamma xhat
    for (int64_t h = 0; h < size; ++h) {
      moment += double{dy_row[h]} * gamma.data<Real>()[h] * row[h] * inverse / static_cast<double>(size);
      gamma_sums[static_cast<size_t>(h)] += double{dy_row[h]} * row[h] * inverse;
    }
    for (int64_t h = 0; h < size; ++h) {
      const double gradient = inverse * (double{dy_row[h]} * gamma.data<Real>()[h] - row[h] * inverse * moment);
      Real& out = dx.data<Real>()[t * size + h];
      out = static_cast<Real>(write == Write::accumulate ? out + gradient : gradient);
    }
  }
  for (int64_t h = 0; h < size; ++h) dgamma.data<Real>()[h] = static_cast<Real>(gamma_sums[static_cast<size_t>(h)]);
}

}  // namespace kumiko::reference
