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

void Linear::product_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability == 0) {
    pass.kernels.linear_forward(x, *prepared_, bias_->value, y, Write::accumulate);
    return;
  }
  const Tensor product = pass.empty(y.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_forward(x, *prepared_, bias_->value, product, Write::overwrite);
  pass.kernels.dropout(mask, product, y, Write::accumulate);
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  product_onto(pass, x, mask, y);
  pass.keep(x);
}

// dy with the elements dropped that the forward dropped.
static Tensor masked(Pass& pass, const DropoutMask& mask, const Tensor& dy) {
  if (mask.probability == 0) return dy;
  const Tensor dropped = pass.empty(dy.shape(), MemoryPurpose::workspace);
  pass.kernels.dropout(mask, dy, dropped, Write::overwrite);
  return dropped;
}

Tensor Linear::backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy) const {
  return backward(pass, masked(pass, mask, dy));
}

void Linear::forward_gelu(Pass& pass, const Tensor& x, const Tensor& pre, const Tensor& activated) const {
  pass.kernels.linear_gelu_forward(x, *prepared_, bias_->value, pre, activated);
  pass.keep(x);
}

void Linear::forward_onto_activated(Pass& pass, const Tensor& pre, const Tensor& activated, const DropoutMask& mask,
                                    const Tensor& y) const {
  product_onto(pass, activated, mask, y);
  pass.keep(pre);
}

Tensor Linear::backward_from_activated(Pass& pass, const DropoutMask& mask, const Tensor& dy) const {
  const Tensor dropped = masked(pass, mask, dy);
  const Tensor pre = pass.stash->pop();
  const Tensor dpre = pass.empty(pre.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_gelu_backward_input(dropped, *prepared_, pre, dpre);
  pass.weight_work->add([this, &kernels = pass.kernels, pre, dropped] {
    kernels.linear_gelu_backward_weight(pre, dropped, weight_->gradient, bias_->gradient);
  });
  return dpre;
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
