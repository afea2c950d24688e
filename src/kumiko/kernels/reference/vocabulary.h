// Embedding and cross-entropy, a row at a time.
#pragma once

#include <cmath>
#include <limits>

#include "kumiko/kernels/kernels.h"

namespace kumiko::reference {

// The row of the table that holds `token`, or null if another part of the vocabulary does.
template <class Real>
Real* token_row(const Tensor& table, int64_t first_token, int64_t token) {
  const int64_t row = token - first_token;
  if (row < 0 || row >= table.shape().num_rows()) return nullptr;
  return table.data<Real>() + row * table.shape().last();
}

template <class Real>
void embedding_forward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& token_table,
                       const Tensor& position_table, const Tensor& y) {
  const int64_t size = token_table.shape().last();
  for (int64_t t = 0; t < tokens.num_elements(); ++t) {
    const Real* token = token_row<Real>(token_table, first_token, tokens.data<int32_t>()[t]);
    const Real* position = position_table ? position_table.data<Real>() + places.position(t) * size : nullptr;
    for (int64_t h = 0; h < size; ++h) {
      y.data<Real>()[t * size + h] = (token ? token[h] : Real{0}) + (position ? position[h] : Real{0});
    }
  }
}

template <class Real>
void embedding_backward(const Tensor& tokens, const TokenPlaces& places, int64_t first_token, const Tensor& dy,
                        const Tensor& dtoken_table, const Tensor& dposition_table) {
  const int64_t size = dtoken_table.shape().last();
  for (int64_t t = 0; t < tokens.num_elements(); ++t) {
    Real* token = token_row<Real>(dtoken_table, first_token, tokens.data<int32_t>()[t]);
    Real* position = dposition_table ? dposition_table.data<Real>() + places.position(t) * size : nullptr;
    for (int64_t h = 0; h < size; ++h) {
      if (token) token[h] += dy.data<Real>()[t * size + h];
      if (position) position[h] += dy.data<Real>()[t * size + h];
    }
  }
}

template <class Real>
void cross_entropy_statistics(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                              const Tensor& max, const Tensor& sum, const Tensor& target_logit) {
  const int64_t columns = logits.shape().last();
  for (int64_t t = 0; t < logits.shape().num_rows(); ++t) {
    const Real* row = logits.data<Real>() + t * columns;
    Real largest = -std::numeric_limits<Real>::infinity();
    for (int64_t v = 0; v < num_valid; ++v) largest = row[v] > largest || std::isnan(row[v]) ? row[v] : largest;
    double total = 0;
    for (int64_t v = 0; v < num_valid; ++v) total += std::exp(double{row[v]} - largest);
    const int64_t target = targets.data<int32_t>()[t] - first_token;
    max.data<Real>()[t] = largest;
    sum.data<Real>()[t] = static_cast<Real>(total);
    target_logit.data<Real>()[t] = target >= 0 && target < num_valid ? row[target] : Real{0};
  }
}

template <class Real>
void cross_entropy_gradient(const Tensor& logits, const Tensor& targets, int64_t first_token, int64_t num_valid,
                            const Tensor& max, const Tensor& sum, double scale) {
  const int64_t columns = logits.shape().last();
  for (int64_t t = 0; t < logits.shape().num_rows(); ++t) {
    Real* row = logits.data<Real>() + t * columns;
    const int32_t token = targets.data<int32_t>()[t];
    for (int64_t v = 0; v < columns; ++v) {
      if (token == -1 || v >= num_valid) {
        row[v] = 0;
        continue;
      }
      const double probability = std::exp(double{row[v]} - max.data<Real>()[t]) / sum.data<Real>()[t];
      row[v] = static_cast<Real>(scale * (probability - (v == token - first_token ? 1 : 0)));
    }
  }
}

}  // namespace kumiko::reference
