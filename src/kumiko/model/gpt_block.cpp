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

// A residual sum starts as a copy of its input, which the norm keeps for the backward.
static Tensor copy_of(const Pass& pass, const Tensor& x) {
  const Tensor y = pass.empty(x.shape());
  copy(x, y);
  return y;
}

Tensor GptBlock::forward(Pass& pass, const Tensor& x) {
  Tensor normed;
  const auto norm = [&](const LayerNorm& layer, const Tensor& input) {
    const Span span(pass.timer, Region::layer_norm);
    normed = layer.forward(pass, input);
    return copy_of(pass, input);
  };
  const Tensor h = norm(attention_norm_, x);
  attention_.forward_onto(pass, normed, h);
  const Tensor y = norm(mlp_norm_, h);
  const Span span(pass.timer, Region::mlp);
  mlp_forward_onto(pass, normed, y);
  return y;
}

Tensor GptBlock::backward(Pass& pass, const Tensor& dy) {
  // The residual passes dy on unchanged; the branch's gradient is added to it.
  const auto add_norm = [&](const LayerNorm& layer, const Tensor& dnormed, const Tensor& through) {
    const Span span(pass.timer, Region::layer_norm);
    const Tensor sum = pass.own(through);
    layer.backward_onto(pass, dnormed, sum);
    return sum;
  };
  Tensor dnormed;
  {
    const Span span(pass.timer, Region::mlp);
    dnormed = mlp_backward(pass, dy);
  }
  const Tensor dh = add_norm(mlp_norm_, dnormed, dy);
  return add_norm(attention_norm_, attention_.backward(pass, dh), dh);
}

DropoutMask GptBlock::mlp_mask(const Pass& pass) const {
  return pass.dropout_mask(DropoutSite::mlp_output(layer_), dropout_, hidden_);
}

void GptBlock::mlp_forward_onto(Pass& pass, const Tensor& x, const Tensor& y) const {
  const Tensor pre = pass.empty({pass.num_tokens(), feed_forward_});
  const Tensor activated = pass.empty(pre.shape(), MemoryPurpose::workspace);
  up_.forward_gelu(pass, x, pre, activated);
  down_.forward_onto_activated(pass, pre, activated, mlp_mask(pass), y);
}

Tensor GptBlock::mlp_backward(Pass& pass, const Tensor& dy) const {
  return up_.backward(pass, down_.backward_from_activated(pass, mlp_mask(pass), dy));
}

}  // namespace kumiko
