#include "kumiko/model/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "kumiko/model/chunked.h"

namespace kumiko {

Head::Head(ParameterRegistry& registry, const HeadOptions& options, Parameter* tied)
    : whole_vocabulary_(options.vocab_size), norm_(registry, "final_norm", options.norm), weight_(tied) {
  const IndexRange tokens = registry.tensor_parallel().share(options.vocab_size);
  first_token_ = tokens.begin;
  vocabulary_ = tokens.size();
  if (tied != nullptr) return;
  const int64_t hidden = options.norm.hidden;
  weight_ = &registry.add_stacked(
      {{"head.weight", {options.vocab_size, hidden}, {{tokens.begin, 0}, {tokens.size(), hidden}}}},
      Initializer::normal(options.init_std), true);
}

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

// sum *= exp(local max - max): what the ranks' sums are before they can be added.
template <class T>
static void rebase_sums(const Tensor& local_max, const Tensor& max, const Tensor& sum) {
  for (int64_t row = 0; row < sum.num_elements(); ++row) {
    sum.data<T>()[row] *= std::exp(local_max.data<T>()[row] - max.data<T>()[row]);
  }
}

Head::Statistics Head::statistics(Pass& pass, const Tensor& logits, const Tensor& targets) const {
  const Shape rows = {logits.shape()[0]};
  const Statistics statistics{pass.empty_statistic(rows, MemoryPurpose::workspace),
                              pass.empty_statistic(rows, MemoryPurpose::workspace),
                              pass.empty_statistic(rows, MemoryPurpose::workspace)};
  pass.kernels.cross_entropy_statistics(logits, targets, first_token_, vocabulary_, statistics.max, statistics.sum,
                                        statistics.target_logit);
  if (pass.tensor == nullptr) return statistics;
  const Tensor local_max = pass.empty_statistic(rows, MemoryPurpose::workspace);
  copy(statistics.max, local_max);
  const Event targets_summed = pass.tensor->all_reduce(statistics.target_logit, ReduceOp::sum, "loss");
  wait_exposed(pass.tensor->all_reduce(statistics.max, ReduceOp::max, "loss"), pass.timer);
  if (pass.dtype == DType::f64) {
    rebase_sums<double>(local_max, statistics.max, statistics.sum);
  } else {
    rebase_sums<float>(local_max, statistics.max, statistics.sum);
  }
  wait_exposed(pass.tensor->all_reduce(statistics.sum, ReduceOp::sum, "loss"), pass.timer);
  wait_exposed(targets_summed, pass.timer);
  return statistics;
}

void Head::partial_backward_input(Kernels& kernels, const Tensor& dlogits, const Tensor& dnormed) const {
  kernels.linear_backward_input(dlogits, *prepared_, dnormed, Write::overwrite);
}

Tensor Head::forward(Pass& pass, const Tensor& x) {
  const Span span(pass.timer, Region::head_and_loss);
  Norm::Kept kept;
  const GatheredRows normed(pass, norm_.forward(pass, x, kept), activations_traffic);
  std::optional<SummedRows> dnormed;
  if (pass.stash != nullptr) dnormed.emplace(pass, x.shape().last(), gradients_traffic, MemoryPurpose::stash);
  const Tensor targets = pass.targets.reshaped({pass.num_tokens()});
  const int64_t most_rows = head_rows_per_chunk(vocabulary_, pass.num_tokens());
  const Tensor workspace = pass.empty({std::min(most_rows, pass.num_tokens()), vocabulary_}, MemoryPurpose::workspace);
  for (int64_t begin = 0; begin < pass.num_tokens(); begin += most_rows) {
    const IndexRange rows = {begin, std::min(begin + most_rows, pass.num_tokens())};
    const Tensor target = rows_of(targets, rows);
    const Tensor logits = workspace.rows(0, rows.size());
    const auto logits_of = [&](IndexRange part) { return logits.rows(part.begin - begin, part.end - begin); };
    multiply_chunks(pass, rows, &normed, nullptr, [&](IndexRange part) {
      pass.kernels.linear_forward(rows_of(normed.rows(), part), *prepared_, {}, logits_of(part), Write::overwrite);
    });
    const auto [max, sum, target_logit] = statistics(pass, logits, target);
    pass.loss_sum += pass.dtype == DType::f64 ? sum_losses<double>(target, max, sum, target_logit)
                                              : sum_losses<float>(target, max, sum, target_logit);
    if (!dnormed) continue;
    pass.kernels.cross_entropy_gradient(logits, target, first_token_, vocabulary_, max, sum, pass.loss_scale);
    multiply_chunks(pass, rows, nullptr, &*dnormed, [&](IndexRange part) {
      partial_backward_input(pass.kernels, logits_of(part), rows_of(dnormed->rows(), part));
    });
    pass.kernels.linear_backward_weight(rows_of(normed.rows(), rows), logits, weight_->gradient, {});
  }
  Norm::keep(pass, kept);
  if (dnormed) pass.keep(dnormed->sum());
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
  const Tensor shard = pass.empty(x.shape(), MemoryPurpose::workspace);
  norm_.apply(pass, x, shard);
  const Tensor normed = GatheredRows(pass, shard, activations_traffic).all();
  const int64_t num_rows = normed.shape()[0];
  const Tensor logits = pass.empty({num_rows, vocabulary_}, MemoryPurpose::workspace);
  pass.kernels.linear_forward(normed, *prepared_, {}, logits, Write::overwrite);
  if (pass.tensor == nullptr) return logits;
  // Each rank's columns beside zeros: parts of uneven sizes need no other verb than the sum.
  const Tensor whole = pass.empty({num_rows, whole_vocabulary_}, MemoryPurpose::workspace);
  fill_zero(whole);
  const size_t element = size_of(pass.dtype);
  for (int64_t row = 0; row < num_rows; ++row) {
    std::memcpy(static_cast<char*>(whole.raw()) + static_cast<size_t>(row * whole_vocabulary_ + first_token_) * element,
                static_cast<const char*>(logits.raw()) + static_cast<size_t>(row * vocabulary_) * element,
                static_cast<size_t>(vocabulary_) * element);
  }
  pass.tensor->all_reduce(whole, ReduceOp::sum, "logits").wait();
  return whole;
}

}  // namespace kumiko
