#include "kumiko/model/gpt_block.h"

#include <cmath>

namespace kumiko {

// The projections onto the residual stream start smaller by 1/sqrt(2 L), there being 2 L of them (GPT-2, section 2.3).
GptBlock::GptBlock(ParameterRegistry& registry, const ModelOptions& options, int layer)
    : GptBlock(registry, options, layer, fmt::format("block.{}", layer),
               options.init_method_std / std::sqrt(2.0 * static_cast<double>(options.num_layers))) {}

GptBlock::GptBlock(ParameterRegistry& registry, const ModelOptions& options, int layer, const std::string& name,
                   double output_std)
    : hidden_(options.hidden_size),
      feed_forward_(options.feed_forward_size()),
      dropout_(options.hidden_dropout),
      layer_(layer),
      attention_norm_(registry, name + ".attention_norm", hidden_, options.layernorm_epsilon),
      attention_(registry, name + ".attention", options, layer, output_std),
      mlp_norm_(registry, name + ".mlp_norm", hidden_, options.layernorm_epsilon),
      up_(registry, {name + ".mlp.up"}, hidden_, options.feed_forward_size(), options.init_method_std),
      down_(registry, {name + ".mlp.down"}, options.feed_forward_size(), hidden_, output_std) {}

void GptBlock::prepare(Kernels& kernels) {
  attention_.prepare(kernels);
  up_.prepare(kernels);
  down_.prepare(kernels);
}

Tensor GptBlock::forward(Pass& pass, const Tensor& x) {
  LayerNorm::Kept kept;
  // Norms `input`, and starts the residual sum as a copy of it.
  const auto norm = [&](const LayerNorm& layer, const Tensor& input, MemoryPurpose purpose, Tensor& sum) {
    const Span span(pass.timer, Region::layer_norm);
    sum = pass.empty(input.shape(), purpose);
    copy(input, sum);
    return layer.forward(pass, input, kept);
  };
  Tensor h;
  attention_.forward_onto(pass, norm(attention_norm_, x, pass.kept(), h), h);
  LayerNorm::keep(pass, kept);
  Tensor y;
  const Tensor normed = norm(mlp_norm_, h, MemoryPurpose::stash, y);
  const Span span(pass.timer, Region::mlp);
  mlp_forward_onto(pass, normed, y);
  LayerNorm::keep(pass, kept);
  return y;
}

Tensor GptBlock::backward(Pass& pass, const Tensor& dy) {
  // The residual passes dy on unchanged; the branch's gradient is added to it.
  const auto add_norm = [&](const LayerNorm& layer, const LayerNorm::Kept& kept, const Tensor& dnormed,
                            const Tensor& through) {
    const Span span(pass.timer, Region::layer_norm);
    const Tensor sum = pass.own(through);
    layer.backward(pass, kept, dnormed, sum, Write::accumulate);
    return sum;
  };
  const auto mlp = [&](const LayerNorm::Kept& kept) {
    const Span span(pass.timer, Region::mlp);
    return mlp_backward(pass, dy, mlp_norm_.output_again(pass, kept));
  };
  LayerNorm::Kept kept = LayerNorm::pop(pass);
  const Tensor dh = add_norm(mlp_norm_, kept, mlp(kept), dy);
  kept = LayerNorm::pop(pass);
  return add_norm(attention_norm_, kept, attention_.backward(pass, dh, attention_norm_.output_again(pass, kept)), dh);
}

DropoutMask GptBlock::mlp_mask(const Pass& pass) const {
  return pass.dropout_mask(DropoutSite::mlp_output(layer_), dropout_, hidden_);
}

void GptBlock::mlp_forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const {
  const Tensor pre = pass.empty({pass.num_tokens(), feed_forward_});
  const Tensor activated = pass.empty(pre.shape(), MemoryPurpose::workspace);
  up_.forward_gelu(pass, x, pre, activated);
  down_.forward_onto(pass, activated, mlp_mask(pass), y);
  pass.keep(pre);
}

Tensor GptBlock::mlp_backward(Pass& pass, const Tensor& dy, LinearInput x) const {
  const Tensor dpre = down_.backward_from_gelu(pass, mlp_mask(pass), dy, pass.stash->pop());
  return up_.backward(pass, dpre, std::move(x));
}

}  // namespace kumiko
