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
  return y;
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability == 0) {
    pass.kernels.linear_forward(x, *prepared_, bias_->value, y, Write::accumulate);
    return;
  }
  const Tensor branch = pass.empty(y.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_forward(x, *prepared_, bias_->value, branch, Write::overwrite);
  pass.kernels.dropout(mask, branch, y, Write::accumulate);
}

// dy with the elements dropped that the forward dropped.
static Tensor masked(Pass& pass, const DropoutMask& mask, const Tensor& dy) {
  if (mask.probability == 0) return dy;
  const Tensor dropped = pass.empty(dy.shape(), MemoryPurpose::workspace);
  pass.kernels.dropout(mask, dy, dropped, Write::overwrite);
  return dropped;
}

Tensor Linear::backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy, LinearInput x) const {
  return backward(pass, masked(pass, mask, dy), std::move(x));
}

void Linear::forward_gelu(Pass& pass, const Tensor& x, const Tensor& pre, const Tensor& activated) const {
  pass.kernels.linear_gelu_forward(x, *prepared_, bias_->value, pre, activated);
}

Tensor Linear::backward_from_gelu(Pass& pass, const DropoutMask& mask, const Tensor& dy, const Tensor& pre) const {
  const Tensor dropped = masked(pass, mask, dy);
  const Tensor dpre = pass.empty(pre.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_gelu_backward_input(dropped, *prepared_, pre, dpre);
  pass.weight_work->add([this, &kernels = pass.kernels, pre, dropped] {
    kernels.linear_gelu_backward_weight(pre, dropped, weight_->gradient, bias_->gradient);
  });
  return dpre;
}

Tensor Linear::backward(Pass& pass, const Tensor& dy, LinearInput x) const {
  const Tensor dx = pass.empty({pass.num_tokens(), num_inputs_}, MemoryPurpose::workspace);
  pass.kernels.linear_backward_input(dy, *prepared_, dx, Write::overwrite);
  pass.weight_work->add([this, &kernels = pass.kernels, x = std::move(x), dy] {
    kernels.linear_backward_weight(x(), dy, weight_->gradient, bias_->gradient);
  });
  return dx;
}

LayerNorm::LayerNorm(ParameterRegistry& registry, const std::string& name, int64_t hidden, double epsilon)
    : epsilon_(epsilon),
      weight_(&registry.add(name + ".weight", {hidden}, Initializer::ones(), false)),
      bias_(&registry.add(name + ".bias", {hidden}, Initializer::zeros(), false)) {}

Tensor LayerNorm::forward(Pass& pass, const Tensor& x, Kept& kept) const {
  const Tensor y = pass.empty(x.shape(), MemoryPurpose::workspace);
  kept.x = x;
  if (pass.stash != nullptr) {
    kept.mean = pass.empty_statistic({x.shape()[0]}, MemoryPurpose::stash);
    kept.rstd = pass.empty_statistic({x.shape()[0]}, MemoryPurpose::stash);
  }
  pass.kernels.layer_norm_forward(x, weight_->value, bias_->value, epsilon_, y, kept.mean, kept.rstd);
  return y;
}

LinearInput LayerNorm::output_again(const Pass& pass, const Kept& kept) const {
  return [this, &kernels = pass.kernels, &pool = pass.pool, timer = pass.timer, x = kept.x] {
    const PhaseSpan phase(timer, Phase::recompute);
    const Tensor y = Tensor::empty(pool, x.shape(), x.dtype(), MemoryPurpose::workspace);
    kernels.layer_norm_forward(x, weight_->value, bias_->value, epsilon_, y, {}, {});
    return y;
  };
}

void LayerNorm::apply(Pass& pass, const Tensor& x, const Tensor& y) const {
  pass.kernels.layer_norm_forward(x, weight_->value, bias_->value, epsilon_, y, {}, {});
}

void LayerNorm::backward(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write) const {
  pass.kernels.layer_norm_backward(dy, kept.x, weight_->value, kept.mean, kept.rstd, dx, write, weight_->gradient,
                                   bias_->gradient);
}

void LayerNorm::keep(Pass& pass, const Kept& kept) {
  pass.keep(kept.x);
  pass.keep(kept.mean);
  pass.keep(kept.rstd);
}

LayerNorm::Kept LayerNorm::pop(Pass& pass) {
  Kept kept;
  kept.rstd = pass.stash->pop();
  kept.mean = pass.stash->pop();
  kept.x = pass.stash->pop();
  return kept;
}

}  // namespace kumiko
