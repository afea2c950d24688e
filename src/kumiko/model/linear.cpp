#include "kumiko/model/linear.h"

namespace kumiko {

Linear::Linear(ParameterRegistry& registry, const LinearOptions& options) {
  const TensorParallel& tensor = registry.tensor_parallel();
  const bool cut_inputs = options.split == LinearSplit::inputs;
  const IndexRange inputs =
      cut_inputs ? tensor.share(options.num_inputs, options.input_granule) : IndexRange{0, options.num_inputs};
  std::vector<ParameterPart> weights;
  std::vector<ParameterPart> biases;
  for (const LinearOutput& output : options.outputs) {
    const IndexRange rows = cut_inputs ? IndexRange{0, output.size} : tensor.share(output.size, output.granule);
    const int64_t holders = cut_inputs ? 1 : tensor.holders(output.size, output.granule);
    weights.push_back({output.name + ".weight",
                       {output.size, options.num_inputs},
                       {{rows.begin, inputs.begin}, {rows.size(), inputs.size()}},
                       holders,
                       holders > 1});
    biases.push_back({output.name + ".bias",
                      {output.size},
                      {{rows.begin}, {rows.size()}},
                      cut_inputs ? tensor.size : holders,
                      holders > 1});
  }
  weight_ = &registry.add_stacked(std::move(weights), Initializer::normal(options.init_std), true);
  if (options.bias) bias_ = &registry.add_stacked(std::move(biases), Initializer::zeros(), false);
  adds_bias_ = !cut_inputs || tensor.rank == 0;
  num_inputs_ = inputs.size();
  num_outputs_ = weight_->shape[0];
}

void Linear::prepare(Kernels& kernels) { prepared_ = kernels.prepare_weight(weight_->value, std::move(prepared_)); }

Tensor Linear::forward(Pass& pass, const Tensor& x) const {
  const Tensor y = pass.empty({pass.num_tokens(), num_outputs_});
  pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::overwrite);
  return y;
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability == 0 && pass.tensor == nullptr) {
    pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::accumulate);
    return;
  }
  const Tensor branch = pass.empty(y.shape(), MemoryPurpose::workspace);
  pass.kernels.linear_forward(x, *prepared_, bias(), branch, Write::overwrite);
  if (pass.tensor != nullptr) pass.tensor->all_reduce(branch, ReduceOp::sum, "activations").wait();
  if (mask.probability == 0) {
    pass.kernels.add(branch, y);
  } else {
    pass.kernels.dropout(mask, branch, y, Write::accumulate);
  }
}

// dy with the elements dropped that the forward dropped.
static Tensor masked(Pass& pass, const DropoutMask& mask, const Tensor& dy) {
  if (mask.probability == 0) return dy;
  const Tensor dropped = pass.empty(dy.shape(), MemoryPurpose::workspace);
  pass.kernels.dropout(mask, dy, dropped, Write::overwrite);
  return dropped;
}

Tensor Linear::backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy, LinearInput x) const {
  const Tensor dropped = masked(pass, mask, dy);
  const Tensor dx = backward_input(pass, dropped);
  add_weight_work(pass, dropped, std::move(x));
  return dx;
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
  const Tensor dx = backward_input(pass, dy);
  const Event summed =
      pass.tensor == nullptr ? Event() : pass.tensor->all_reduce(dx, ReduceOp::sum, "activation gradients");
  add_weight_work(pass, dy, std::move(x));
  summed.wait();
  return dx;
}

Tensor Linear::backward_input(Pass& pass, const Tensor& dy) const {
  const Tensor dx = pass.empty({pass.num_tokens(), num_inputs_}, MemoryPurpose::workspace);
  pass.kernels.linear_backward_input(dy, *prepared_, dx, Write::overwrite);
  return dx;
}

void Linear::add_weight_work(Pass& pass, const Tensor& dy, LinearInput x) const {
  pass.weight_work->add([this, &kernels = pass.kernels, x = std::move(x), dy] {
    kernels.linear_backward_weight(x(), dy, weight_->gradient, bias_gradient());
  });
}

}  // namespace kumiko
