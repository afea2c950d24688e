// Causal self-attention: x -> q, k, v -> softmax(q k^T / sqrt(D)) v -> output projection. Several query heads may share
// one head of keys and values (grouped queries, Ainslie et al. 2023), and positions may be rotary. Legend: T = B S
// tokens, H hidden, A query heads, K heads of keys and values, D head size. Along the tensor axis each rank has some of
// the heads; a head of keys and values that queries of several ranks share is on each of them.
#pragma once

#include <memory>
#include <string>

#include "kumiko/model/linear.h"
#include "kumiko/model/rotary.h"

namespace kumiko {

struct AttentionOptions {
  int64_t hidden = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;
  int64_t head_size = 0;
  bool qkv_bias = true;
  bool output_bias = true;
  double probability_dropout = 0;
  double output_dropout = 0;
  double init_std = 0;
  double output_std = 0;  // of the weight that writes to the residual stream

  int64_t query_size() const { return num_heads * head_size; }
  int64_t kv_size() const { return num_kv_heads * head_size; }
};

class SelfAttention {
 public:
  // `layer` counts blocks from 0. `rotary` may be none.
  SelfAttention(ParameterRegistry& registry, const std::string& name, const AttentionOptions& options,
                std::shared_ptr<Rotary> rotary, int layer);

  void prepare(Kernels& kernels);
  void release();
  // y += dropout(attention(x))
  void forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const;
  // dy to the gradient of x.
  Tensor backward(Pass& pass, const Tensor& dy, LinearInput x) const;

 private:
  struct Attended {
    Tensor out;          // [T, A D], the heads side by side
    Tensor log_sum_exp;  // [B, A, S], for the backward
  };
  // Queries, keys and values side by side, [T, (A + 2 K) D], positions in them.
  Tensor project(Pass& pass, const Tensor& x) const;
  Attended attend(Pass& pass, const Tensor& qkv, MemoryPurpose purpose) const;
  // What the forward of a selective pass did not keep.
  Attended attend_again(Pass& pass, const Tensor& qkv) const;
  // This layer's part of the cache.
  const KeyValueCache::Layer& cached_layer(Pass& pass) const;
  Tensor attend_to_cache(Pass& pass, const Tensor& qkv) const;
  // dy to the gradient of q, k and v.
  Tensor backward_to_qkv(Pass& pass, const Tensor& dy) const;
  // Turns queries and keys by their positions, or their gradients back.
  void rotate(Pass& pass, const Tensor& qkv, bool inverse) const;

  AttentionShape shape(const Pass& pass) const;
  // Keys, or values, of qkv or of its gradient, whose canonical blocks each have some (canonical.h).
  int64_t key_columns(const Tensor& qkv) const { return (qkv.shape().last() - options_.query_size()) / 2; }
  HeadsView queries(const Pass& pass, const Tensor& qkv) const { return columns(pass, qkv, 0); }
  HeadsView keys(const Pass& pass, const Tensor& qkv) const { return columns(pass, qkv, options_.query_size()); }
  HeadsView values(const Pass& pass, const Tensor& qkv) const {
    return columns(pass, qkv, options_.query_size() + key_columns(qkv));
  }
  HeadsView heads(const Pass& pass, const Tensor& out) const { return columns(pass, out, 0); }
  // Of a [T, width] tensor, the columns from `first` on.
  static HeadsView columns(const Pass& pass, const Tensor& x, int64_t first) {
    const int64_t width = x.shape().last();
    return {x, first, pass.sequence * width, width};
  }
  // Heads of keys or values [T, K D] as often as canonical blocks read them.
  HeadsView repeated(const Pass& pass, const HeadsView& from) const;

  AttentionOptions options_;  // with the heads of this rank
  int64_t num_heads_global_;
  int64_t first_head_;         // of them, the first of this rank
  int64_t num_key_gradients_;  // heads of keys, counted once for each canonical block that reads them
  std::shared_ptr<Rotary> rotary_;
  int layer_;
  Linear qkv_;
  Linear output_;
};

}  // namespace kumiko
