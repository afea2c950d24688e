#include "kumiko/model/attention.h"

#include <cmath>
#include <cstring>

namespace kumiko {

static LinearOptions qkv_options(const std::string& name, const AttentionOptions& options) {
  LinearOptions qkv;
  qkv.outputs = {{name + ".query", options.query_size(), options.head_size},
                 {name + ".key", options.kv_size(), options.head_size},
                 {name + ".value", options.kv_size(), options.head_size}};
  qkv.num_inputs = options.hidden;
  qkv.bias = options.qkv_bias;
  qkv.init_std = options.init_std;
  return qkv;
}

static LinearOptions output_options(const std::string& name, const AttentionOptions& options) {
  LinearOptions output;
  output.split = LinearSplit::inputs;
  output.outputs = {{name + ".output", options.hidden}};
  output.num_inputs = options.query_size();
  output.input_granule = options.head_size;
  output.bias = options.output_bias;
  output.init_std = options.output_std;
  return output;
}

// The heads that this rank has.
static AttentionOptions local_options(const AttentionOptions& options, const TensorParallel& tensor) {
  AttentionOptions local = options;
  local.num_heads = tensor.share(options.num_heads).size();
  local.num_kv_heads = tensor.share(options.num_kv_heads).size();
  return local;
}

SelfAttention::SelfAttention(ParameterRegistry& registry, const std::string& name, const AttentionOptions& options,
                             std::shared_ptr<Rotary> rotary, int layer)
    : options_(local_options(options, registry.tensor_parallel())),
      num_heads_global_(options.num_heads),
      first_head_(registry.tensor_parallel().share(options.num_heads).begin),
      num_key_gradients_(registry.tensor_parallel().size_of_blocks(options.num_kv_heads)),
      rotary_(std::move(rotary)),
      layer_(layer),
      qkv_(registry, qkv_options(name, options)),
      output_(registry, output_options(name, options)) {}

void SelfAttention::prepare(Kernels& kernels) {
  qkv_.prepare(kernels);
  output_.prepare(kernels);
}

void SelfAttention::release() {
  qkv_.release();
  output_.release();
}

AttentionShape SelfAttention::shape(const Pass& pass) const {
  AttentionShape shape;
  shape.batch = pass.batch;
  shape.num_queries = pass.sequence;
  shape.num_keys = pass.sequence;
  shape.num_heads = options_.num_heads;
  shape.num_kv_heads = options_.num_kv_heads;
  shape.head_size = options_.head_size;
  shape.scale = 1 / std::sqrt(static_cast<double>(shape.head_size));
  shape.mask = pass.dropout_mask(DropoutSite::attention(layer_), options_.probability_dropout, pass.sequence);
  shape.first_keys = pass.first_keys;
  shape.first_batch = pass.first_sample;
  shape.first_head = first_head_;
  shape.num_heads_global = num_heads_global_;
  return shape;
}

void SelfAttention::rotate(Pass& pass, const Tensor& qkv, bool inverse) const {
  if (rotary_ == nullptr) return;
  // The keys' heads lie behind the queries'.
  const int64_t num_heads = options_.num_heads + key_columns(qkv) / options_.head_size;
  rotary_->rotate(pass, num_heads, pass.first_position(), queries(pass, qkv), inverse);
}

Tensor SelfAttention::project(Pass& pass, const Tensor& x) const {
  const Span span(pass.timer, Region::attention_qkv);
  const Tensor qkv = qkv_.forward(pass, x);
  rotate(pass, qkv, false);
  return qkv;
}

SelfAttention::Attended SelfAttention::attend(Pass& pass, const Tensor& qkv, MemoryPurpose purpose) const {
  const Span span(pass.timer, Region::attention_scores);
  Attended attended;
  attended.out = pass.empty({pass.num_tokens(), options_.query_size()}, purpose);
  if (pass.stash != nullptr) {
    attended.log_sum_exp = pass.empty_statistic({pass.batch, options_.num_heads, pass.sequence}, purpose);
  }
  pass.kernels.attention_forward(shape(pass), queries(pass, qkv), keys(pass, qkv), values(pass, qkv),
                                 heads(pass, attended.out), attended.log_sum_exp);
  return attended;
}

SelfAttention::Attended SelfAttention::attend_again(Pass& pass, const Tensor& qkv) const {
  const PhaseSpan phase(pass.timer, Phase::recompute);
  return attend(pass, qkv, MemoryPurpose::workspace);
}

const KeyValueCache::Layer& SelfAttention::cached_layer(Pass& pass) const {
  const auto [place, fresh] = pass.cache->layers.try_emplace(layer_);
  KeyValueCache::Layer& layer = place->second;
  if (fresh) {
    for (Tensor* tensor : {&layer.keys, &layer.values}) {
      *tensor = pass.empty({pass.batch, pass.cache->capacity, options_.kv_size()}, MemoryPurpose::workspace);
    }
  }
  return layer;
}

// Appends this pass's keys and values to the cache, then attends to all of it.
Tensor SelfAttention::attend_to_cache(Pass& pass, const Tensor& qkv) const {
  const KeyValueCache& cache = *pass.cache;
  const KeyValueCache::Layer& layer = cached_layer(pass);
  const int64_t row = options_.kv_size();
  const int64_t capacity = cache.capacity;
  const auto append = [&](const HeadsView& from, const Tensor& to) {
    const size_t element = size_of(pass.dtype);
    for (int64_t t = 0; t < pass.num_tokens(); ++t) {
      const int64_t position = t / pass.sequence * capacity + cache.length + t % pass.sequence;
      std::memcpy(static_cast<char*>(to.raw()) + static_cast<size_t>(position * row) * element,
                  static_cast<const char*>(from.tensor.raw()) +
                      static_cast<size_t>(from.offset + t * from.row_stride) * element,
                  static_cast<size_t>(row) * element);
    }
  };
  append(keys(pass, qkv), layer.keys);
  append(values(pass, qkv), layer.values);
  AttentionShape attention = shape(pass);
  attention.num_keys = cache.length + pass.sequence;
  const auto cached = [&](const Tensor& tensor) { return HeadsView{tensor, 0, capacity * row, row}; };
  const Tensor out = pass.empty({pass.num_tokens(), options_.query_size()});
  pass.kernels.attention_forward(attention, queries(pass, qkv), cached(layer.keys), cached(layer.values),
                                 heads(pass, out), {});
  return out;
}

void SelfAttention::forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const {
  const Tensor qkv = project(pass, x);
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
  const DropoutMask mask =
      pass.dropout_mask(DropoutSite::attention_output(layer_), options_.output_dropout, options_.hidden);
  output_.forward_onto(pass, attended.out, mask, y);
}

Tensor SelfAttention::backward(Pass& pass, const Tensor& dy, LinearInput x) const {
  const Tensor dqkv = backward_to_qkv(pass, dy);
  const Span span(pass.timer, Region::attention_qkv);
  rotate(pass, dqkv, true);
  return qkv_.backward(pass, dqkv, std::move(x));
}

HeadsView SelfAttention::repeated(const Pass& pass, const HeadsView& from) const {
  const int64_t times = num_key_gradients_ / options_.num_kv_heads;
  if (times == 1) return from;
  const size_t head = static_cast<size_t>(options_.head_size) * size_of(pass.dtype);
  const Tensor to = pass.empty({pass.num_tokens(), num_key_gradients_ * options_.head_size}, MemoryPurpose::workspace);
  auto* out = static_cast<char*>(to.raw());
  for (int64_t t = 0; t < pass.num_tokens(); ++t) {
    const auto* row = static_cast<const char*>(from.tensor.raw()) +
                      static_cast<size_t>(from.offset + t * from.row_stride) * size_of(pass.dtype);
    for (int64_t key = 0; key < num_key_gradients_; ++key, out += head) {
      std::memcpy(out, row + static_cast<size_t>(key / times) * head, head);
    }
  }
  return columns(pass, to, 0);
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
    const DropoutMask mask =
        pass.dropout_mask(DropoutSite::attention_output(layer_), options_.output_dropout, options_.hidden);
    dout = output_.backward_from(pass, mask, dy, kept_input(attended.out));
  }
  const Span span(pass.timer, Region::attention_scores);
  const int64_t width = options_.query_size() + 2 * num_key_gradients_ * options_.head_size;
  const Tensor dqkv = pass.empty({pass.num_tokens(), width}, MemoryPurpose::workspace);
  AttentionShape attention = shape(pass);
  attention.num_kv_heads = num_key_gradients_;
  pass.kernels.attention_backward(attention, queries(pass, qkv), repeated(pass, keys(pass, qkv)),
                                  repeated(pass, values(pass, qkv)), heads(pass, attended.out), attended.log_sum_exp,
                                  heads(pass, dout), queries(pass, dqkv), keys(pass, dqkv), values(pass, dqkv));
  return dqkv;
}

}  // namespace kumiko
