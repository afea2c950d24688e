#include "kumiko/model/linear.h"

namespace kumiko {

Linear::Linear(ParameterRegistry& registry, const LinearOptions& options) : num_inputs_(options.num_inputs) {
  const auto named = [&](const char* suffix) {
    std::vector<NamedRows> rows = options.outputs;
    for (NamedRows& output : rows) output.name += suffix;
    return rows;
  };
  weight_ = &registry.add_stacked(named(".weight"), {0, num_inputs_}, Initializer::normal(options.init_std), true);
  if (options.bias) bias_ = &registry.add_stacked(named(".bias"), {0}, Initializer::zeros(), false);
  num_outputs_ = weight_->shape[0];
}

void Linear::prepare(Kernels& kernels) { prepared_ = kernels.prepare_weight(weight_->value, std::move(prepared_)); }

Tensor Linear::forward(Pass& pass, const Tensor& x) const {
  const Tensor y = pass.empty({pass.num_tokens(), num_outputs_});
  pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::overwrite);
  return y;
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability == 0) {
    pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::accumulate);
    return;
  }
  const Tensor branch = pass.empty(y.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_forward(x, *prepared_, bias(), branch, Write::overwrite);
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
  pass.kernels.linear_gelu_forward(x, *prepared_, bias(), pre, activated);
}

Tensor Linear::backward_from_gelu(Pass& pass, const DropoutMask& mask, const Tensor& dy, const Tensor& pre) const {
  const Tensor dropped = masked(pass, mask, dy);
  const Tensor dpre = pass.empty(pre.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_gelu_backward_input(dropped, *prepared_, pre, dpre);
  pass.weight_work->add([this, &kernels = pass.kernels, pre, dropped] {
    kernels.linear_gelu_backward_weight(pre, dropped, weight_->gradient, bias_gradient());
  });
  return dpre;
}

Tensor Linear::backward(Pass& pass, const Tensor& dy, LinearInput x) const {
  const Tensor dx = pass.empty({pass.num_tokens(), num_inputs_}, MemoryPurpose::workspace);
  pass.kernels.linear_backward_input(dy, *prepared_, dx, Write::overwrite);
  pass.weight_work->add([this, &kernels = pass.kernels, x = std::move(x), dy] {
    kernels.linear_backward_weight(x(), dy, weight_->gradient, bias_gradient());
  });
  return dx;
}

}  // namespace kumiko
