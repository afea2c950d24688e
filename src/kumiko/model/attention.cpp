#include "kumiko/model/attention.h"

#include <cmath>
#include <cstring>

namespace kumiko {

SelfAttention::SelfAttention(ParameterRegistry& registry, const std::string& name, const ModelOptions& options,
                             int layer, double output_std)
    : hidden_(options.hidden_size),
      num_heads_(options.num_attention_heads),
      probability_dropout_(options.attention_dropout),
      output_dropout_(options.hidden_dropout),
      layer_(layer),
      qkv_(registry, {name + ".query", name + ".key", name + ".value"}, hidden_, 3 * hidden_, options.init_method_std),
      output_(registry, {name + ".output"}, hidden_, hidden_, output_std) {}

void SelfAttention::prepare(Kernels& kernels) {
  qkv_.prepare(kernels);
  output_.prepare(kernels);
}

AttentionShape SelfAttention::shape(const Pass& pass) const {
  AttentionShape shape;
  shape.batch = pass.batch;
  shape.num_queries = pass.sequence;
  shape.num_keys = pass.sequence;
  shape.num_heads = num_heads_;
  shape.num_kv_heads = num_heads_;
  shape.head_size = hidden_ / num_heads_;
  shape.scale = 1 / std::sqrt(static_cast<double>(shape.head_size));
  shape.mask = pass.dropout_mask(DropoutSite::attention(layer_), probability_dropout_, pass.sequence);
  shape.first_keys = pass.first_keys;
  shape.first_batch = pass.first_sample;
  shape.num_heads_global = num_heads_;
  return shape;
}

HeadsView SelfAttention::part_of(const Pass& pass, const Tensor& qkv, int part) const {
  return {qkv, part * hidden_, pass.sequence * 3 * hidden_, 3 * hidden_};
}

HeadsView SelfAttention::heads_of(const Pass& pass, const Tensor& x) const {
  return {x, 0, pass.sequence * hidden_, hidden_};
}

SelfAttention::Attended SelfAttention::attend(Pass& pass, const Tensor& qkv, MemoryPurpose purpose) const {
  const Span span(pass.timer, Region::attention_scores);
  Attended attended;
  attended.out = pass.empty({pass.num_tokens(), hidden_}, purpose);
  if (pass.stash != nullptr) {
    attended.log_sum_exp = pass.empty_statistic({pass.batch, num_heads_, pass.sequence}, purpose);
  }
  pass.kernels.attention_forward(shape(pass), part_of(pass, qkv, 0), part_of(pass, qkv, 1), part_of(pass, qkv, 2),
                                 heads_of(pass, attended.out), attended.log_sum_exp);
  return attended;
}

SelfAttention::Attended SelfAttention::attend_again(Pass& pass, const Tensor& qkv) const {
  const PhaseSpan phase(pass.timer, Phase::recompute);
  return attend(pass, qkv, MemoryPurpose::workspace);
}

// Appends this pass's keys and values to the cache, then attends to all of it.
Tensor SelfAttention::attend_to_cache(Pass& pass, const Tensor& qkv) const {
  KeyValueCache& cache = *pass.cache;
  const std::vector<Tensor>* caches[] = {&cache.keys, &cache.values};
  const auto layer = static_cast<size_t>(layer_);
  const int64_t capacity = cache.keys[layer].shape()[1];
  const size_t row = static_cast<size_t>(hidden_) * size_of(pass.dtype);
  for (int part = 0; part < 2; ++part) {
    char* to = static_cast<char*>((*caches[part])[layer].raw());
    for (int64_t t = 0; t < pass.num_tokens(); ++t) {
      const int64_t position = t / pass.sequence * capacity + cache.length + t % pass.sequence;
      std::memcpy(to + static_cast<size_t>(position) * row,
                  static_cast<const char*>(qkv.raw()) + static_cast<size_t>(3 * t + 1 + part) * row, row);
    }
  }
  AttentionShape attention = shape(pass);
  attention.num_keys = cache.length + pass.sequence;
  const auto cached = [&](const std::vector<Tensor>& tensors) {
    return HeadsView{tensors[layer], 0, capacity * hidden_, hidden_};
  };
  const Tensor out = pass.empty({pass.num_tokens(), hidden_});
  pass.kernels.attention_forward(attention, part_of(pass, qkv, 0), cached(cache.keys), cached(cache.values),
                                 heads_of(pass, out), {});
  return out;
}

void SelfAttention::forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const {
  Tensor qkv;
  {
    const Span span(pass.timer, Region::attention_qkv);
    qkv = qkv_.forward(pass, x);
  }
  Attended attended;
  if (pass.cache != nullptr) {
    attended.out = attend_to_cache(pass, qkv);
  } else {
    attended = attend(pass, qkv, pass.recomputes_attention() ? MemoryPurpose::workspace : pass.kept());
    pass.keep(qkv);
  }
  if (!pass.recomputes_attention()) {
    pass.keep(attended.out);
    pass.keep(attended.log_sum_exp);
  }
  const Span span(pass.timer, Region::attention_output);
  const DropoutMask mask = pass.dropout_mask(DropoutSite::attention_output(layer_), output_dropout_, hidden_);
  output_.forward_onto(pass, attended.out, mask, y);
}

Tensor SelfAttention::backward(Pass& pass, const Tensor& dy, LinearInput x) const {
  const Tensor dqkv = backward_to_qkv(pass, dy);
  const Span span(pass.timer, Region::attention_qkv);
  return qkv_.backward(pass, dqkv, std::move(x));
}

Tensor SelfAttention::backward_to_qkv(Pass& pass, const Tensor& dy) const {
  Attended attended;
  if (!pass.recomputes_attention()) {
    attended.log_sum_exp = pass.stash->pop();
    attended.out = pass.stash->pop();
  }
  const Tensor qkv = pass.stash->pop();
  if (pass.recomputes_attention()) attended = attend_again(pass, qkv);
  Tensor dout;
  {
    const Span span(pass.timer, Region::attention_output);
    const DropoutMask mask = pass.dropout_mask(DropoutSite::attention_output(layer_), output_dropout_, hidden_);
    dout = output_.backward_from(pass, mask, dy, kept_input(attended.out));
  }
  const Span span(pass.timer, Region::attention_scores);
  const Tensor dqkv = pass.empty({pass.num_tokens(), 3 * hidden_}, MemoryPurpose::workspace);
  pass.kernels.attention_backward(shape(pass), part_of(pass, qkv, 0), part_of(pass, qkv, 1), part_of(pass, qkv, 2),
                                  heads_of(pass, attended.out), attended.log_sum_exp, heads_of(pass, dout),
                                  part_of(pass, dqkv, 0), part_of(pass, dqkv, 1), part_of(pass, dqkv, 2));
  return dqkv;
}

}  // namespace kumiko
