// Attention one query at a time, in double, with a whole row of probabilities in hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "kumiko/kernels/arguments.h"
#include "kumiko/kernels/kernels.h"

namespace kumiko::reference {

// The D elements of (batch, row, head).
template <class Real>
Real* head_row(const HeadsView& view, int64_t batch, int64_t row, int64_t head, int64_t head_size) {
  return view.tensor.data<Real>() + view.offset + batch * view.batch_stride + row * view.row_stride + head * head_size;
}

inline bool is_dropped(const DropoutMask& mask, uint64_t index) {
  const uint64_t block = index / 4;
  const PhiloxCounter words =
      philox({static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0}, mask.key);
  return words[index % 4] < arguments::dropout_threshold(mask.probability);
}

// What multiplies the probability of (batch, head, query, key): 0 or 1 / (1 - p).
inline double attention_dropout_factor(const AttentionShape& shape, int64_t batch, int64_t head, int64_t query,
                                       int64_t key) {
  if (shape.mask.probability == 0) return 1;
  const int64_t row =
      ((shape.first_batch + batch) * shape.num_heads_global + shape.first_head + head) * shape.num_queries + query;
  const bool dropped = is_dropped(shape.mask, static_cast<uint64_t>(row * shape.num_keys + key));
  return dropped ? 0 : 1 / (1 - shape.mask.probability);
}

inline int64_t first_visible_key(const AttentionShape& shape, int64_t batch, int64_t query) {
  return shape.first_keys ? shape.first_keys.data<int32_t>()[batch * shape.num_queries + query] : 0;
}

// scale q.k for every key that the query sees, the first of them `first`.
template <class Real>
std::vector<double> attention_scores(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, int64_t batch,
                                     int64_t head, int64_t query, int64_t first) {
  const int64_t kv_head = head / (shape.num_heads / shape.num_kv_heads);
  const int64_t end = shape.causal ? query + shape.num_keys - shape.num_queries + 1 : shape.num_keys;
  std::vector<double> scores;
  const Real* query_row = head_row<Real>(q, batch, query, head, shape.head_size);
  for (int64_t key = first; key < end; ++key) {
    const Real* key_row = head_row<Real>(k, batch, key, kv_head, shape.head_size);
    double sum = 0;
    for (int64_t d = 0; d < shape.head_size; ++d) sum += double{query_row[d]} * key_row[d];
    scores.push_back(shape.scale * sum);
  }
  return scores;
}

template <class Real>
void attention_forward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                       const HeadsView& out, const Tensor& log_sum_exp) {
  const int64_t size = shape.head_size;
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t a = 0; a < shape.num_heads; ++a) {
      const int64_t kv_head = a / (shape.num_heads / shape.num_kv_heads);
      for (int64_t i = 0; i < shape.num_queries; ++i) {
        const int64_t first = first_visible_key(shape, b, i);
        const std::vector<double> scores = attention_scores<Real>(shape, q, k, b, a, i, first);
        const double max = *std::max_element(scores.begin(), scores.end());
        double sum = 0;
        for (double score : scores) sum += std::exp(score - max);
        std::vector<double> result(static_cast<size_t>(size), 0.0);
        for (size_t j = 0; j < scores.size(); ++j) {
          const int64_t key = first + static_cast<int64_t>(j);
          const double weight = std::exp(scores[j] - max) / sum * attention_dropout_factor(shape, b, a, i, key);
          const Real* value = head_row<Real>(v, b, key, kv_head, size);
          for (int64_t d = 0; d < size; ++d) result[static_cast<size_t>(d)] += weight * value[d];
        }
        Real* out_row = head_row<Real>(out, b, i, a, size);
        for (int64_t d = 0; d < size; ++d) out_row[d] = static_cast<Real>(result[static_cast<size_t>(d)]);
        if (!log_sum_exp) continue;
        log_sum_exp.data<Real>()[(b * shape.num_heads + a) * shape.num_queries + i] =
            static_cast<Real>(max + std::log(sum));
      }
    }
  }
}

// The gradients of one view, gathered in double and written at the end.
class HeadsGradient {
 public:
  HeadsGradient(int64_t rows, int64_t heads, int64_t head_size)
      : rows_(rows), heads_(heads), size_(head_size), sums_(static_cast<size_t>(rows * heads * head_size), 0.0) {}

  double* row(int64_t row, int64_t head) { return sums_.data() + (row * heads_ + head) * size_; }

  template <class Real>
  void write(const HeadsView& view, int64_t batch) {
    for (int64_t r = 0; r < rows_; ++r) {
      Real* target = head_row<Real>(view, batch, r, 0, size_);
      for (int64_t i = 0; i < heads_ * size_; ++i) target[i] = static_cast<Real>(row(r, 0)[i]);
    }
  }

 private:
  int64_t rows_, heads_, size_;
  std::vector<double> sums_;
};

template <class Real>
void attention_backward(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                        const HeadsView& out, const Tensor& log_sum_exp, const HeadsView& dout, const HeadsView& dq,
                        const HeadsView& dk, const HeadsView& dv) {
  const int64_t size = shape.head_size;
  for (int64_t b = 0; b < shape.batch; ++b) {
    HeadsGradient dqs(shape.num_queries, shape.num_heads, size);
    HeadsGradient dks(shape.num_keys, shape.num_kv_heads, size);
    HeadsGradient dvs(shape.num_keys, shape.num_kv_heads, size);
    for (int64_t a = 0; a < shape.num_heads; ++a) {
      const int64_t kv_head = a / (shape.num_heads / shape.num_kv_heads);
      for (int64_t i = 0; i < shape.num_queries; ++i) {
        const int64_t first = first_visible_key(shape, b, i);
        const std::vector<double> scores = attention_scores<Real>(shape, q, k, b, a, i, first);
        const double lse = log_sum_exp.data<Real>()[(b * shape.num_heads + a) * shape.num_queries + i];
        const Real* query = head_row<Real>(q, b, i, a, size);
        const Real* dout_row = head_row<Real>(dout, b, i, a, size);
        const Real* out_row = head_row<Real>(out, b, i, a, size);
        double delta = 0;
        for (int64_t d = 0; d < size; ++d) delta += double{dout_row[d]} * out_row[d];
        for (size_t j = 0; j < scores.size(); ++j) {
          const int64_t key = first + static_cast<int64_t>(j);
          const Real* key_row = head_row<Real>(k, b, key, kv_head, size);
          const Real* value = head_row<Real>(v, b, key, kv_head, size);
          const double factor = attention_dropout_factor(shape, b, a, i, key);
          const double probability = std::exp(scores[j] - lse);
          double dot = 0;
          for (int64_t d = 0; d < size; ++d) dot += double{dout_row[d]} * value[d];
          const double dscore = shape.scale * probability * (factor * dot - delta);
          for (int64_t d = 0; d < size; ++d) {
            dqs.row(i, a)[d] += dscore * key_row[d];
            dks.row(key, kv_head)[d] += dscore * query[d];
            dvs.row(key, kv_head)[d] += probability * factor * dout_row[d];
          }
        }
      }
    }
    dqs.write<Real>(dq, b);
    dks.write<Real>(dk, b);
    dvs.write<Real>(dv, b);
  }
}

}  // namespace kumiko::reference
