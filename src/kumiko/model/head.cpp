#include "kumiko/model/head.h"

#include <algorithm>
#include <cmath>

namespace kumiko {

Head::Head(ParameterRegistry& registry, const HeadOptions& options, Parameter* tied)
    : vocabulary_(options.vocab_size),
      norm_(registry, "final_norm", options.norm),
      weight_(tied != nullptr ? tied
                              : &registry.add("head.weight", {options.vocab_size, options.norm.hidden},
                                              Initializer::normal(options.init_std), true)) {}

void Head::prepare(Kernels& kernels) { prepared_ = kernels.prepare_weight(weight_->value, std::move(prepared_)); }

int64_t head_rows_per_chunk(int64_t vocabulary, int64_t num_tokens) {
  constexpr int64_t logits_per_chunk = int64_t{1} << 26;
  constexpr int64_t least_rows = 64;
  const int64_t most = std::max(least_rows, logits_per_chunk / vocabulary);
  const int64_t num_chunks = std::max<int64_t>(1, (num_tokens + most - 1) / most);
  return (num_tokens + num_chunks - 1) / num_chunks;
}

// Sums the losses of the tokens that count: log(sum) + max - target logit.
template <class T>
static double sum_losses(const Tensor& targets, const Tensor& max, const Tensor& sum, const Tensor& target_logit) {
  double total = 0;
  const auto target = targets.elements<int32_t>();
  for (size_t row = 0; row < target.size(); ++row) {
    if (target[row] < 0) continue;
    total += std::log(static_cast<double>(sum.elements<T>()[row])) + static_cast<double>(max.elements<T>()[row]) -
             static_cast<double>(target_logit.elements<T>()[row]);
  }
  return total;
}

Tensor Head::forward(Pass& pass, const Tensor& x) {
  const Span span(pass.timer, Region::head_and_loss);
  Norm::Kept kept;
  const Tensor normed = norm_.forward(pass, x, kept);
  const bool training = pass.stash != nullptr;
  const Tensor dnormed = training ? pass.empty(x.shape()) : Tensor();
  const Tensor targets = pass.targets.reshaped({pass.num_tokens()});
  const int64_t chunk = head_rows_per_chunk(vocabulary_, pass.num_tokens());
  const Tensor workspace = pass.empty({std::min(chunk, pass.num_tokens()), vocabulary_}, MemoryPurpose::workspace);
  for (int64_t begin = 0; begin < pass.num_tokens(); begin += chunk) {
    const int64_t end = std::min(begin + chunk, pass.num_tokens());
    const Tensor rows = normed.rows(begin, end);
    const Tensor target = targets.rows(begin, end);
    const Tensor logits = workspace.rows(0, end - begin);
    const Tensor max = pass.empty_statistic({end - begin}, MemoryPurpose::workspace);
    const Tensor sum = pass.empty_statistic({end - begin}, MemoryPurpose::workspace);
    const Tensor target_logit = pass.empty_statistic({end - begin}, MemoryPurpose::workspace);
    pass.kernels.linear_forward(rows, *prepared_, {}, logits, Write::overwrite);
    pass.kernels.cross_entropy_statistics(logits, target, 0, vocabulary_, max, sum, target_logit);
    pass.loss_sum += pass.dtype == DType::f64 ? sum_losses<double>(target, max, sum, target_logit)
                                              : sum_losses<float>(target, max, sum, target_logit);
    if (!training) continue;
    pass.kernels.cross_entropy_gradient(logits, target, 0, vocabulary_, max, sum, pass.loss_scale);
    pass.kernels.linear_backward_input(logits, *prepared_, dnormed.rows(begin, end), Write::overwrite);
    pass.kernels.linear_backward_weight(rows, logits, weight_->gradient, {});
  }
  Norm::keep(pass, kept);
  pass.keep(dnormed);
  return {};
}

Tensor Head::backward(Pass& pass, const Tensor&) {
  const Span span(pass.timer, Region::head_and_loss);
  const Tensor dnormed = pass.stash->pop();
  const Norm::Kept kept = Norm::pop(pass);
  const Tensor dx = pass.empty(dnormed.shape(), MemoryPurpose::workspace);
  norm_.backward(pass, kept, dnormed, dx, Write::overwrite);
  return dx;
}

Tensor Head::logits(Pass& pass, const Tensor& x) const {
  const Tensor normed = pass.empty(x.shape(), MemoryPurpose::workspace);
  norm_.apply(pass, x, normed);
  const Tensor logits = pass.empty({x.shape()[0], vocabulary_}, MemoryPurpose::workspace);
  pass.kernels.linear_forward(normed, *prepared_, {}, logits, Write::overwrite);
  return logits;
}

}  // namespace kumiko
