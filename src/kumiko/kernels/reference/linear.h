// The three products of a linear layer, one sum at a time, in double.
#pragma once

#include "kumiko/kernels/kernels.h"

namespace kumiko::reference {

template <class Real>
void linear_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& y, Write write) {
  const int64_t rows = x.shape().num_rows();
  const int64_t outputs = weight.shape()[0];
  const int64_t inputs = weight.shape()[1];
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t n = 0; n < outputs; ++n) {
      double sum = bias ? bias.data<Real>()[n] : 0;
      for (int64_t k = 0; k < inputs; ++k) {
        sum += double{x.data<Real>()[t * inputs + k]} * weight.data<Real>()[n * inputs + k];
      }
      Real& out = y.data<Real>()[t * outputs + n];
      out = static_cast<Real>(write == Write::accumulate ? out + sum : sum);
    }
  }
}

template <class Real>
void linear_backward_input(const Tensor& dy, const Tensor& weight, const Tensor& dx, Write write) {
  const int64_t rows = dy.shape().num_rows();
  const int64_t outputs = weight.shape()[0];
  const int64_t inputs = weight.shape()[1];
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t k = 0; k < inputs; ++k) {
      double sum = 0;
      for (int64_t n = 0; n < outputs; ++n) {
        sum += double{dy.data<Real>()[t * outputs + n]} * weight.data<Real>()[n * inputs + k];
      }
      Real& out = dx.data<Real>()[t * inputs + k];
      out = static_cast<Real>(write == Write::accumulate ? out + sum : sum);
    }
  }
}

template <class Real>
void linear_forward_terms(const Tensor& x, const Tensor& weight, const ProductTerms& terms, const Tensor& bias,
                          const Tensor& y, Write write) {
  const int64_t columns = x.shape().last();
  const int64_t outputs = weight.shape()[0];
  const int64_t inputs = weight.shape()[1];
  for (int64_t t = 0; t < x.shape().num_rows(); ++t) {
    for (int64_t n = 0; n < outputs; ++n) {
      double sum = bias ? bias.data<Real>()[n] : 0;
      for (int64_t k = 0; k < terms.count; ++k) {
        sum += double{x.data<Real>()[t * columns + terms.first_column + k]} *
               weight.data<Real>()[n * inputs + terms.first_term + k];
      }
      Real& out = y.data<Real>()[t * outputs + n];
      out = write == Write::accumulate ? out + static_cast<Real>(sum) : static_cast<Real>(sum);
    }
  }
}

template <class Real>
void linear_backward_input_terms(const Tensor& dy, const Tensor& weight, const ProductTerms& terms, const Tensor& dx,
                                 Write write) {
  const int64_t columns = dy.shape().last();
  const int64_t inputs = weight.shape()[1];
  for (int64_t t = 0; t < dy.shape().num_rows(); ++t) {
    for (int64_t k = 0; k < inputs; ++k) {
      double sum = 0;
      for (int64_t n = 0; n < terms.count; ++n) {
        sum += double{dy.data<Real>()[t * columns + terms.first_column + n]} *
               weight.data<Real>()[(terms.first_term + n) * inputs + k];
      }
      Real& out = dx.data<Real>()[t * inputs + k];
      out = write == Write::accumulate ? out + static_cast<Real>(sum) : static_cast<Real>(sum);
    }
  }
}

template <class Real>
void linear_backward_weight(const Tensor& x, const Tensor& dy, const Tensor& dweight, const Tensor& dbias) {
  const int64_t rows = dy.shape().num_rows();
  const int64_t outputs = dweight.shape()[0];
  const int64_t inputs = dweight.shape()[1];
  for (int64_t n = 0; n < outputs; ++n) {
    for (int64_t k = 0; k < inputs; ++k) {
      double sum = dweight.data<Real>()[n * inputs + k];
      for (int64_t t = 0; t < rows; ++t) {
        sum += double{dy.data<Real>()[t * outputs + n]} * x.data<Real>()[t * inputs + k];
      }
      dweight.data<Real>()[n * inputs + k] = static_cast<Real>(sum);
    }
    if (!dbias) continue;
    double sum = dbias.data<Real>()[n];
    for (int64_t t = 0; t < rows; ++t) sum += dy.data<Real>()[t * outputs + n];
    dbias.data<Real>()[n] = static_cast<Real>(sum);
  }
}

}  // namespace kumiko::reference
