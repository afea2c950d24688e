// The activations as their formulas read.
#pragma once

#include <cmath>
#include <numbers>

#include "kumiko/kernels/kernels.h"

namespace kumiko::reference {

inline constexpr double gelu_cubic = 0.044715;
inline const double gelu_slope = std::sqrt(2 / std::numbers::pi);

template <class Real>
void gelu_forward(const Tensor& x, const Tensor& y) {
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const double value = x.data<Real>()[i];
    const double inner = gelu_slope * (value + gelu_cubic * value * value * value);
    y.data<Real>()[i] = static_cast<Real>(0.5 * value * (1 + std::tanh(inner)));
  }
}

template <class Real>
void gelu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const double value = x.data<Real>()[i];
    const double tanh = std::tanh(gelu_slope * (value + gelu_cubic * value * value * value));
    const double dinner = gelu_slope * (1 + 3 * gelu_cubic * value * value);
    const double derivative = 0.5 * (1 + tanh) + 0.5 * value * (1 - tanh * tanh) * dinner;
    dx.data<Real>()[i] = static_cast<Real>(dy.data<Real>()[i] * derivative);
  }
}

template <class Real>
void swiglu_forward(const Tensor& x, const Tensor& y) {
  const int64_t size = y.shape().last();
  for (int64_t t = 0; t < y.shape().num_rows(); ++t) {
    for (int64_t f = 0; f < size; ++f) {
      const double gate = x.data<Real>()[2 * t * size + f];
      const double up = x.data<Real>()[(2 * t + 1) * size + f];
      y.data<Real>()[t * size + f] = static_cast<Real>(gate / (1 + std::exp(-gate)) * up);
    }
  }
}

template <class Real>
void swiglu_backward(const Tensor& x, const Tensor& dy, const Tensor& dx) {
  const int64_t size = dy.shape().last();
  for (int64_t t = 0; t < dy.shape().num_rows(); ++t) {
    for (int64_t f = 0; f < size; ++f) {
      const double gate = x.data<Real>()[2 * t * size + f];
      const double up = x.data<Real>()[(2 * t + 1) * size + f];
      const double sigmoid = 1 / (1 + std::exp(-gate));
      const double gradient = dy.data<Real>()[t * size + f];
      dx.data<Real>()[2 * t * size + f] = static_cast<Real>(gradient * up * sigmoid * (1 + gate * (1 - sigmoid)));
      dx.data<Real>()[(2 * t + 1) * size + f] = static_cast<Real>(gradient * gate * sigmoid);
    }
  }
}

}  // namespace kumiko::reference
