#include "kumiko/model/linear.h"

#include "kumiko/model/chunked.h"

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
  const GatheredRows whole(pass, x, activations_traffic);
  multiply_chunks(pass, &whole, nullptr, [&](IndexRange rows) {
    pass.kernels.linear_forward(rows_of(whole.rows(), rows), *prepared_, bias(), rows_of(y, rows), Write::overwrite);
  });
  return y;
}

void Linear::partial_forward(Kernels& kernels, const Tensor& x, const Tensor& y) const {
  kernels.linear_forward(x, *prepared_, bias(), y, Write::overwrite);
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability == 0 && pass.tensor == nullptr) {
    pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::accumulate);
    return;
  }
  SummedRows branch(pass, num_outputs_, activations_traffic);
  multiply_chunks(pass, nullptr, &branch, [&](IndexRange rows) {
    partial_forward(pass.kernels, rows_of(x, rows), rows_of(branch.rows(), rows));
  });
  if (mask.probability == 0) {
    pass.kernels.add(branch.sum(), y);
  } else {
    drop_rows(pass, mask, branch.sum(), y, Write::accumulate);
  }
}

// dy with the elements dropped that the forward dropped.
static Tensor masked(Pass& pass, const DropoutMask& mask, const Tensor& dy) {
  if (mask.probability == 0) return dy;
  const Tensor dropped = pass.empty(dy.shape(), MemoryPurpose::workspace);
  drop_rows(pass, mask, dy, dropped, Write::overwrite);
  return dropped;
}

Tensor Linear::backward_from(Pass& pass, const DropoutMask& mask, const Tensor& dy, LinearInput x) const {
  const GatheredRows whole(pass, masked(pass, mask, dy), gradients_traffic);
  const Tensor dx = pass.empty({pass.num_tokens(), num_inputs_}, MemoryPurpose::workspace);
  multiply_chunks(pass, &whole, nullptr, [&](IndexRange rows) {
    pass.kernels.linear_backward_input(rows_of(whole.rows(), rows), *prepared_, rows_of(dx, rows), Write::overwrite);
  });
  add_weight_work(pass, whole.all(), std::move(x));
  return dx;
}

void Linear::forward_gelu(Pass& pass, const Tensor& x, const Tensor& pre, const Tensor& activated) const {
  const GatheredRows whole(pass, x, activations_traffic);
  multiply_chunks(pass, &whole, nullptr, [&](IndexRange rows) {
    pass.kernels.linear_gelu_forward(rows_of(whole.rows(), rows), *prepared_, bias(), rows_of(pre, rows),
                                     rows_of(activated, rows));
  });
}

Tensor Linear::backward_from_gelu(Pass& pass, const DropoutMask& mask, const Tensor& dy, const Tensor& pre) const {
  const GatheredRows whole(pass, masked(pass, mask, dy), gradients_traffic);
  const Tensor dpre = pass.empty(pre.shape(), MemoryPurpose::workspace);
  multiply_chunks(pass, &whole, nullptr, [&](IndexRange rows) {
    pass.kernels.linear_gelu_backward_input(rows_of(whole.rows(), rows), *prepared_, rows_of(pre, rows),
                                            rows_of(dpre, rows));
  });
  pass.weight_work->add([this, &kernels = pass.kernels, pre, gathered = whole.all()] {
    kernels.linear_gelu_backward_weight(pre, gathered, weight_->gradient, bias_gradient());
  });
  return dpre;
}

// x of all tokens from its shards, for the weight's gradient: on its way from now on, or, where that work waits, from
// the beginning of the work on.
static LinearInput gathered_input(const Pass& pass, LinearInput x) {
  if (!pass.shards_tokens()) return x;
  const auto gather = [pass, x = std::move(x)] {
    return std::make_shared<GatheredRows>(pass, x(), weight_inputs_traffic);
  };
  if (!pass.weight_work->at_once()) return [gather] { return gather()->all(); };
  return [rows = gather()] { return rows->all(); };
}

Tensor Linear::backward(Pass& pass, const Tensor& dy, LinearInput x) const {
  LinearInput whole_x = gathered_input(pass, std::move(x));
  SummedRows dx(pass, num_inputs_, gradients_traffic);
  multiply_chunks(pass, nullptr, &dx, [&](IndexRange rows) {
    partial_backward_input(pass.kernels, rows_of(dy, rows), rows_of(dx.rows(), rows));
  });
  add_weight_work(pass, dy, std::move(whole_x));
  return dx.sum();
}

void Linear::partial_backward_input(Kernels& kernels, const Tensor& dy, const Tensor& dx) const {
  kernels.linear_backward_input(dy, *prepared_, dx, Write::overwrite);
}

void Linear::add_weight_work(Pass& pass, const Tensor& dy, LinearInput x) const {
  pass.weight_work->add([this, &kernels = pass.kernels, x = std::move(x), dy] {
    kernels.linear_backward_weight(x(), dy, weight_->gradient, bias_gradient());
  });
}

}  // namespace kumiko
