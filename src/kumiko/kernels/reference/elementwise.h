// Element by element: dropout, sums and the optimizers' updates.
#pragma once

#include <cmath>

#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/reference/attention.h"

namespace kumiko::reference {

template <class Real>
void dropout(const DropoutMask& mask, const Tensor& x, const Tensor& y, Write write) {
  const int64_t columns = x.shape().last();
  const Real factor = static_cast<Real>(1 / (1 - mask.probability));
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const int64_t row = mask.first_row + i / columns;
    const int64_t column = mask.first_column + i % columns;
    const bool dropped =
        mask.probability > 0 && is_dropped(mask, static_cast<uint64_t>(row * mask.num_columns + column));
    const Real value = dropped ? Real{0} : x.data<Real>()[i] * factor;
    Real& out = y.data<Real>()[i];
    out = write == Write::accumulate ? out + value : value;
  }
}

template <class Real>
void add(const Tensor& x, const Tensor& y) {
  for (int64_t i = 0; i < x.num_elements(); ++i) y.data<Real>()[i] += x.data<Real>()[i];
}

template <class Real>
void scale(const Tensor& x, double factor) {
  for (Real& value : x.elements<Real>()) value *= static_cast<Real>(factor);
}

template <class Real>
void add_squares(const Tensor& x, ExactSum& sum) {
  for (const Real value : x.elements<Real>()) sum.add(double{value} * double{value});
}

template <class Real>
double sum_of_squares(const Tensor& x) {
  double sum = 0;
  for (Real value : x.elements<Real>()) sum += double{value} * value;
  return sum;
}

template <class Real>
void adamw(const AdamWConstants& constants, const Tensor& weight, const Tensor& gradient, const Tensor& first_moment,
           const Tensor& second_moment) {
  const double step = static_cast<double>(constants.step);
  const double correction1 = 1 - std::pow(constants.beta1, step);
  const double correction2 = 1 - std::pow(constants.beta2, step);
  for (int64_t i = 0; i < weight.num_elements(); ++i) {
    const double g = constants.gradient_scale * gradient.data<Real>()[i];
    const double m = constants.beta1 * first_moment.data<Real>()[i] + (1 - constants.beta1) * g;
    const double v = constants.beta2 * second_moment.data<Real>()[i] + (1 - constants.beta2) * g * g;
    double w = weight.data<Real>()[i];
    w -= constants.lr * constants.weight_decay * w;
    w -= constants.lr * (m / correction1) / (std::sqrt(v / correction2) + constants.eps);
    weight.data<Real>()[i] = static_cast<Real>(w);
    first_moment.data<Real>()[i] = static_cast<Real>(m);
    second_moment.data<Real>()[i] = static_cast<Real>(v);
  }
}

template <class Real>
void sgd(double lr, double momentum, double weight_decay, double gradient_scale, const Tensor& weight,
         const Tensor& gradient, const Tensor& velocity) {
  for (int64_t i = 0; i < weight.num_elements(); ++i) {
    const double w = weight.data<Real>()[i];
    double v = gradient_scale * gradient.data<Real>()[i] + weight_decay * w;
    if (velocity) {
      v += momentum * velocity.data<Real>()[i];
      velocity.data<Real>()[i] = static_cast<Real>(v);
    }
    weight.data<Real>()[i] = static_cast<Real>(w - lr * v);
  }
}

}  // namespace kumiko::reference
