#include "kumiko/model/layers.h"

namespace kumiko {

static std::vector<std::string> with_suffix(std::vector<std::string> names, const std::string& suffix) {
  for (std::string& name : names) name += suffix;
  return names;
}

Linear::Linear(ParameterRegistry& registry, const std::vector<std::string>& names, int64_t num_inputs,
               int64_t num_outputs, double init_std)
    : num_inputs_(num_inputs), num_outputs_(num_outputs) {
  const std::vector<int64_t> rows(names.size(), num_outputs / static_cast<int64_t>(names.size()));
  weight_ = &registry.add_stacked(with_suffix(names, ".weight"), rows, {num_outputs, num_inputs},
                                  Initializer::normal(init_std), true);
  bias_ = &registry.add_stacked(with_suffix(names, ".bias"), rows, {num_outputs}, Initializer::zeros(), false);
}

void Linear::prepare(Kernels& kernels) { prepared_ = kernels.prepare_weight(weight_->value, std::move(prepared_)); }

Tensor Linear::forward(Pass& pass, const Tensor& x) const {
  const Tensor y = pass.empty({pass.num_tokens(), num_outputs_});
  pass.kernels.linear_forward(x, *prepared_, bias_->value, y, Write::overwrite);
  pass.keep(x);
  return y;
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability > 0) {
    pass.kernels.dropout(mask, forward(pass, x), y, Write::accumulate);
    return;
  }
  pass.kernels.linear_forward(x, *prepared_, bias_->value, y, Write::accumulate);
  pass.keep(x);
}

Tensor Linear::backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy) const {
  if (mask.probability == 0) return backward(pass, dy);
  const Tensor masked = pass.empty(dy.shape(), MemoryPurpose::workspace);
  pass.kernels.dropout(mask, dy, masked, Write::overwrite);
  return backward(pass, masked);
}

Tensor Linear::backward(Pass& pass, const Tensor& dy) const {
  const Tensor dx = pass.empty({pass.num_tokens(), num_inputs_}, MemoryPurpose::workspace);
  pass.kernels.linear_backward_input(dy, *prepared_, dx, Write::overwrite);
  pass.weight_work->add([this, &kernels = pass.kernels, x = pass.stash->pop(), dy] {
    kernels.linear_backward_weight(x, dy, weight_->gradient, bias_->gradient);
  });
  return dx;
}

LayerNorm::LayerNorm(ParameterRegistry& registry, const std::string& name, int64_t hidden, double epsilon)
    : epsilon_(epsilon),
      weight_(&registry.add(name + ".weight", {hidden}, Initializer::ones(), false)),
      bias_(&registry.add(name + ".bias", {hidden}, Initializer::zeros(), false)) {}

Tensor LayerNorm::forward(Pass& pass, const Tensor& x) const {
  const Tensor y = pass.empty(x.shape());
  const Tensor mean = pass.empty({x.shape()[0]});
  const Tensor rstd = pass.empty({x.shape()[0]});
  pass.kernels.layer_norm_forward(x, weight_->value, bias_->value, epsilon_, y, mean, rstd);
  pass.keep(x);
  pass.keep(mean);
  pass.keep(rstd);
  return y;
}

void LayerNorm::apply(Pass& pass, const Tensor& x, const Tensor& y) const {
  pass.kernels.layer_norm_forward(x, weight_->value, bias_->value, epsilon_, y, {}, {});
}

void LayerNorm::backward(Pass& pass, const Tensor& dy, const Tensor& dx, Write write) const {
  const Tensor rstd = pass.stash->pop();
  const Tensor mean = pass.stash->pop();
  const Tensor x = pass.stash->pop();
  pass.kernels.layer_norm_backward(dy, x, weight_->value, mean, rstd, dx, write, weight_->gradient, bias_->gradient);
}

void LayerNorm::backward_onto(Pass& pass, const Tensor& dy, const Tensor& dx) const {
  backward(pass, dy, dx, Write::accumulate);
}

Tensor LayerNorm::backward(Pass& pass, const Tensor& dy) const {
  const Tensor dx = pass.empty(dy.shape(), MemoryPurpose::workspace);
  backward(pass, dy, dx, Write::overwrite);
  return dx;
}

}  // namespace kumiko
