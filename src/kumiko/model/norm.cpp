#include "kumiko/model/norm.h"

#include "kumiko/model/canonical.h"
#include "kumiko/model/chunked.h"

namespace kumiko {

// On every rank of the tensor axis, and its gradient the sum of what each has of its share of the tokens.
static Parameter& add_vector(ParameterRegistry& registry, const std::string& name, int64_t size, Initializer initial) {
  const TensorParallel& tensor = registry.tensor_parallel();
  return registry.add_stacked({{name, {size}, Box::whole({size}), tensor.size, tensor.sequence_parallel}}, initial,
                              false);
}

static int64_t num_token_blocks(const TensorParallel& tensor) {
  if (!tensor.reproducible()) return 0;
  return tensor.sequence_parallel ? tensor.num_blocks() : tensor.canonical_blocks;
}

Norm::Norm(ParameterRegistry& registry, const std::string& name, const NormOptions& options)
    : num_blocks_(num_token_blocks(registry.tensor_parallel())),
      kind_(options.kind),
      epsilon_(options.epsilon),
      weight_(&add_vector(registry, name + ".weight", options.hidden, Initializer::ones())),
      bias_(kind_ == NormKind::layer_norm ? &add_vector(registry, name + ".bias", options.hidden, Initializer::zeros())
                                          : nullptr) {}

void Norm::run(Kernels& kernels, const Tensor& x, const Tensor& y, const Kept& statistics) const {
  if (kind_ == NormKind::layer_norm) {
    kernels.layer_norm_forward(x, weight_->value, bias_->value, epsilon_, y, statistics.mean, statistics.rstd);
  } else {
    kernels.rms_norm_forward(x, weight_->value, epsilon_, y, statistics.rstd);
  }
}

Tensor Norm::forward(Pass& pass, const Tensor& x, Kept& kept) const {
  const Tensor y = pass.empty(x.shape(), MemoryPurpose::workspace);
  kept = {x, {}, {}};
  if (pass.stash != nullptr) {
    if (kind_ == NormKind::layer_norm) kept.mean = pass.empty_statistic({x.shape()[0]}, MemoryPurpose::stash);
    kept.rstd = pass.empty_statistic({x.shape()[0]}, MemoryPurpose::stash);
  }
  run(pass.kernels, x, y, kept);
  return y;
}

LinearInput Norm::output_again(const Pass& pass, const Kept& kept) const {
  return [this, &kernels = pass.kernels, &pool = pass.pool, timer = pass.timer, x = kept.x] {
    const PhaseSpan phase(timer, Phase::recompute);
    const Tensor y = Tensor::empty(pool, x.shape(), x.dtype(), MemoryPurpose::workspace);
    run(kernels, x, y, {});
    return y;
  };
}

Tensor Norm::zeros(Pass& pass) const {
  return Tensor::zeros(pass.pool, weight_->shape, weight_->value.dtype(), MemoryPurpose::workspace);
}

void Norm::backward(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write) const {
  if (pass.weight_work->at_once()) return backward_at_once(pass, kept, dy, dx, write);
  const Tensor dweight = zeros(pass);
  const Tensor dbias = bias_ == nullptr ? Tensor() : zeros(pass);
  backward_onto(pass, kept, dy, dx, write, dweight, dbias);
  pass.weight_work->add([this, &kernels = pass.kernels, dweight, dbias] {
    kernels.add(dweight, weight_->gradient);
    if (dbias) kernels.add(dbias, bias_->gradient);
  });
}

void Norm::backward_at_once(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write) const {
  backward_onto(pass, kept, dy, dx, write, weight_->gradient, bias_ == nullptr ? Tensor() : bias_->gradient);
}

void Norm::backward_onto(Pass& pass, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write,
                         const Tensor& dweight, const Tensor& dbias) const {
  if (num_blocks_ == 0) return backward_rows(pass.kernels, kept, dy, dx, write, dweight, dbias);
  const int64_t num_tokens = dy.shape()[0];
  std::vector<Tensor> dweights;
  std::vector<Tensor> dbiases;
  for (int64_t block = 0; block < num_blocks_; ++block) {
    dweights.push_back(zeros(pass));
    dbiases.push_back(dbias ? zeros(pass) : Tensor());
    const IndexRange tokens = {num_tokens * block / num_blocks_, num_tokens * (block + 1) / num_blocks_};
    if (tokens.size() == 0) continue;
    const auto rows = [&](const Tensor& tensor) { return tensor ? rows_of(tensor, tokens) : tensor; };
    backward_rows(pass.kernels, {rows(kept.x), rows(kept.mean), rows(kept.rstd)}, rows(dy), rows(dx), write,
                  dweights.back(), dbiases.back());
  }
  sum_blocks(pass.kernels, dweights);
  pass.kernels.add(dweights[0], dweight);
  if (!dbias) return;
  sum_blocks(pass.kernels, dbiases);
  pass.kernels.add(dbiases[0], dbias);
}

void Norm::backward_rows(Kernels& kernels, const Kept& kept, const Tensor& dy, const Tensor& dx, Write write,
                         const Tensor& dweight, const Tensor& dbias) const {
  if (kind_ == NormKind::layer_norm) {
    kernels.layer_norm_backward(dy, kept.x, weight_->value, kept.mean, kept.rstd, dx, write, dweight, dbias);
  } else {
    kernels.rms_norm_backward(dy, kept.x, weight_->value, kept.rstd, dx, write, dweight);
  }
}

void Norm::keep(Pass& pass, const Kept& kept) {
  pass.keep(kept.x);
  pass.keep(kept.mean);
  pass.keep(kept.rstd);
}

Norm::Kept Norm::pop(Pass& pass) {
  Kept kept;
  kept.rstd = pass.stash->pop();
  kept.mean = pass.stash->pop();
  kept.x = pass.stash->pop();
  return kept;
}

}  // namespace kumiko
