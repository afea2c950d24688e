#include <algorithm>
#include <cmath>

#include "kumiko/kernels/case_makers.h"

namespace kumiko::case_makers {
namespace {

// window=W: a query sees the last W keys up to its own. document=M: documents of M tokens on average, other ones in
// each sequence. Both may be given; neither: absent.
Tensor first_keys_of(const CaseSpec& spec, const AttentionShape& shape, Tensors& tensors) {
  const int64_t window = spec.get("window");
  const int64_t document = spec.get("document");
  if (window == 0 && document == 0) return {};
  const Tensor ends = tensors.tokens(shape.batch * shape.num_keys, std::max<int64_t>(1, document));
  const Tensor first_keys = tensors.tokens(shape.batch * shape.num_queries, 1);
  for (int64_t b = 0; b < shape.batch; ++b) {
    int64_t start = 0;
    for (int64_t key = 0; key < shape.num_keys; ++key) {
      const int64_t query = key - (shape.num_keys - shape.num_queries);
      const int64_t first = std::max(start, window == 0 ? 0 : key - window + 1);
      if (query >= 0) first_keys.data<int32_t>()[b * shape.num_queries + query] = static_cast<int32_t>(first);
      if (document != 0 && ends.data<int32_t>()[b * shape.num_keys + key] == 0) start = key + 1;
    }
  }
  return first_keys;
}

// Pairs of a query and a key that it sees, of all sequences and one head.
double num_visible(const AttentionShape& shape) {
  double count = 0;
  for (int64_t row = 0; row < shape.batch * shape.num_queries; ++row) {
    const int64_t query = row % shape.num_queries;
    const int64_t end = shape.causal ? query + shape.num_keys - shape.num_queries + 1 : shape.num_keys;
    count += static_cast<double>(end - (shape.first_keys ? shape.first_keys.data<int32_t>()[row] : 0));
  }
  return count;
}

}  // namespace

// fused=1: q, k and v are the columns of one projection [B, S, 3, A, D], as in GPT-2.
KernelCase attention_case(const CaseSpec& spec, Tensors& tensors) {
  AttentionShape shape;
  shape.batch = spec.get("B", 1);
  shape.num_queries = spec.get("Sq", 1);
  shape.num_keys = spec.get("Sk", shape.num_queries);
  shape.num_heads = spec.get("A", 1);
  shape.num_kv_heads = spec.get("Akv", shape.num_heads);
  shape.head_size = spec.get("D", 1);
  shape.causal = spec.get("causal", 1) != 0;
  shape.scale = 1 / std::sqrt(static_cast<double>(shape.head_size));
  shape.mask.probability = static_cast<double>(spec.get("dropout_percent")) / 100;
  shape.mask.key = random_key(3, RandomStream::dropout, 5);
  shape.mask.num_columns = shape.num_keys;
  shape.first_batch = 3;
  shape.first_head = 1;
  shape.num_heads_global = shape.num_heads + 2;

  const int64_t query_width = shape.num_heads * shape.head_size;
  const int64_t key_width = shape.num_kv_heads * shape.head_size;
  const bool fused = spec.get("fused") != 0;
  struct Views {
    HeadsView q, k, v;
    Tensor owner;
  };
  const auto make_views = [&] {
    Views views;
    if (fused) {
      const int64_t width = query_width + 2 * key_width;
      views.owner = tensors.normal({shape.batch, shape.num_queries, width});
      const int64_t stride = shape.num_queries * width;
      views.q = {views.owner, 0, stride, width};
      views.k = {views.owner, query_width, stride, width};
      views.v = {views.owner, query_width + key_width, stride, width};
      return views;
    }
    views.q = {tensors.normal({shape.batch, shape.num_queries, query_width}), 0, shape.num_queries * query_width,
               query_width};
    views.k = {tensors.normal({shape.batch, shape.num_keys, key_width}), 0, shape.num_keys * key_width, key_width};
    views.v = {tensors.normal({shape.batch, shape.num_keys, key_width}), 0, shape.num_keys * key_width, key_width};
    return views;
  };
  const auto make_rows = [&](const Tensor& tensor) {
    return HeadsView{tensor, 0, shape.num_queries * query_width, query_width};
  };
  const Views in = make_views();
  const HeadsView out = make_rows(tensors.empty({shape.batch, shape.num_queries, query_width}));
  const Tensor lse = tensors.empty_parameter({shape.batch, shape.num_heads, shape.num_queries});
  shape.first_keys = first_keys_of(spec, shape, tensors);
  const auto forward = [=](Kernels& kernels) { kernels.attention_forward(shape, in.q, in.k, in.v, out, lse); };

  const double one_product = 2 * num_visible(shape) * product({shape.num_heads, shape.head_size});
  KernelCase made;
  made.sum_length = static_cast<double>(shape.num_keys + shape.head_size);
  const double in_bytes =
      tensors.element_bytes() * product({shape.batch, shape.num_queries + shape.num_keys, query_width + key_width});
  if (spec.kernel == "attention_forward") {
    made.flops = 2 * one_product;
    made.bytes = in_bytes;
    made.outputs = {{"out", out.tensor}, {"log_sum_exp", lse}};
    made.run = forward;
    return made;
  }
  const HeadsView dout = make_rows(tensors.normal({shape.batch, shape.num_queries, query_width}));
  const Views gradient = make_views();
  made.flops = 5 * one_product;
  made.bytes = 2 * in_bytes;
  made.prepare = forward;
  made.outputs = {{"dq", gradient.q.tensor}, {"dk", gradient.k.tensor}, {"dv", gradient.v.tensor}};
  made.run = [=](Kernels& kernels) {
    kernels.attention_backward(shape, in.q, in.k, in.v, out, lse, dout, gradient.q, gradient.k, gradient.v);
  };
  return made;
}

}  // namespace kumiko::case_makers
