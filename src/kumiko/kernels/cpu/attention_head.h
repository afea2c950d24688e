// One head of one sequence, as the vector code of attention sees it: plain pointers.
#pragma once

#include <cstdint>

#include "kumiko/kernels/kernels.h"

namespace kumiko::cpu {

// Row r, D contiguous elements, `stride` elements after row r - 1.
struct HeadRows {
  void* data = nullptr;
  DType type = DType::f32;
  int64_t stride = 0;

  template <class Element>
  Element* row(int64_t r) const {
    return static_cast<Element*>(data) + r * stride;
  }
};

inline HeadRows head_rows(const HeadsView& view, int64_t batch, int64_t head, int64_t head_size) {
  const int64_t first = view.offset + batch * view.batch_stride + head * head_size;
  char* const data = static_cast<char*>(view.tensor.raw()) + first * static_cast<int64_t>(size_of(view.tensor.dtype()));
  return {data, view.tensor.dtype(), view.row_stride};
}

struct AttentionHead {
  int64_t num_queries = 0;
  int64_t num_keys = 0;
  int64_t head_size = 0;
  bool causal = true;
  float scale = 1;
  HeadRows q, k, v, out;
  float* log_sum_exp = nullptr;         // [num_queries], or null
  const DropoutMask* mask = nullptr;    // null without dropout
  int64_t first_mask_row = 0;           // of query 0
  const int32_t* first_keys = nullptr;  // [num_queries], or null: the first key that each query sees
  HeadRows dout, dq;                    // backward only
};

inline AttentionHead head_of(const AttentionShape& shape, const HeadsView& q, const HeadsView& k, const HeadsView& v,
                             const HeadsView& out, const Tensor& log_sum_exp, int64_t batch, int64_t query_head) {
  const int64_t kv_head = query_head / (shape.num_heads / shape.num_kv_heads);
  AttentionHead head;
  head.num_queries = shape.num_queries;
  head.num_keys = shape.num_keys;
  head.head_size = shape.head_size;
  head.causal = shape.causal;
  head.scale = static_cast<float>(shape.scale);
  head.q = head_rows(q, batch, query_head, shape.head_size);
  head.k = head_rows(k, batch, kv_head, shape.head_size);
  head.v = head_rows(v, batch, kv_head, shape.head_size);
  head.out = head_rows(out, batch, query_head, shape.head_size);
  if (log_sum_exp) {
    head.log_sum_exp = log_sum_exp.data<float>() + (batch * shape.num_heads + query_head) * shape.num_queries;
  }
  if (shape.first_keys) head.first_keys = shape.first_keys.data<int32_t>() + batch * shape.num_queries;
  if (shape.mask.probability > 0) head.mask = &shape.mask;
  head.first_mask_row =
      ((shape.first_batch + batch) * shape.num_heads_global + shape.first_head + query_head) * shape.num_queries;
  return head;
}

// Queries, and keys, of one block: whole tiles and whole vectors on every machine.
inline constexpr int64_t attention_block = 96;

}  // namespace kumiko::cpu
