#include "kumiko/model/head.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "kumiko/model/canonical.h"
#include "kumiko/model/chunked.h"

namespace kumiko {

Head::Head(ParameterRegistry& registry, const HeadOptions& options, Parameter* tied)
    : reproducible_(registry.tensor_parallel().reproducible()),
      whole_vocabulary_(options.vocab_size),
      norm_(registry, "final_norm", options.norm),
      weight_(tied) {
  const TensorParallel& tensor = registry.tensor_parallel();
  const IndexRange tokens = tensor.share(options.vocab_size);
  vocabulary_ = tokens.size();
  for (int64_t i = 0; i < tensor.num_blocks(); ++i) {
    const IndexRange block = tensor.block(i).share(options.vocab_size);
    blocks_.push_back({block.begin, block.size(), block.begin - tokens.begin, nullptr});
  }
  if (tied != nullptr) return;
  const int64_t hidden = options.norm.hidden;
  weight_ = &registry.add_stacked(
      {{"head.weight", {options.vocab_size, hidden}, {{tokens.begin, 0}, {tokens.size(), hidden}}}},
      Initializer::normal(options.init_std), true);
}

void Head::prepare(Kernels& kernels) {
  for (Block& block : blocks_) {
    block.prepared =
        kernels.prepare_weight(weight_->value.rows(block.place, block.place + block.size), std::move(block.prepared));
  }
}

void Head::release() {
  for (Block& block : blocks_) block.prepared.reset();
}

int64_t head_rows_per_chunk(int64_t vocabulary, int64_t tensor_ranks, int64_t num_tokens) {
  constexpr int64_t logits_per_chunk = int64_t{1} << 26;
  constexpr int64_t least_rows = 64;
  const int64_t largest_part = (vocabulary + tensor_ranks - 1) / tensor_ranks;
  const int64_t most = std::max(least_rows, logits_per_chunk / largest_part);
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

// max = the larger of each row.
template <class T>
static void raise_max(const Tensor& other, const Tensor& max) {
  for (int64_t row = 0; row < max.num_elements(); ++row) {
    max.data<T>()[row] = std::max(max.data<T>()[row], other.data<T>()[row]);
  }
}

// sum *= exp(its max - max): what sums are before they can be added.
template <class T>
static void rebase_sums(const Tensor& its_max, const Tensor& max, const Tensor& sum) {
  for (int64_t row = 0; row < sum.num_elements(); ++row) {
    sum.data<T>()[row] *= std::exp(its_max.data<T>()[row] - max.data<T>()[row]);
  }
}

Head::Statistics Head::statistics(Pass& pass, const std::vector<Tensor>& logits, const Tensor& targets) const {
  const auto empty = [&] { return pass.empty_statistic(targets.shape(), MemoryPurpose::workspace); };
  std::vector<Statistics> of_blocks;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    of_blocks.push_back({empty(), empty(), empty()});
    const Statistics& made = of_blocks.back();
    pass.kernels.cross_entropy_statistics(logits[i], targets, blocks_[i].first_token, blocks_[i].size, made.max,
                                          made.sum, made.target_logit);
  }
  if (pass.tensor == nullptr && blocks_.size() == 1) return of_blocks[0];
  return combined(pass, of_blocks);
}

Head::Statistics Head::combined(Pass& pass, const std::vector<Statistics>& of_blocks) const {
  const bool wide = pass.dtype == DType::f64;
  const auto& [first_max, sum, target_logit] = of_blocks[0];
  const Tensor max = pass.empty_statistic(first_max.shape(), MemoryPurpose::workspace);
  copy(first_max, max);
  for (size_t i = 1; i < of_blocks.size(); ++i) {
    wide ? raise_max<double>(of_blocks[i].max, max) : raise_max<float>(of_blocks[i].max, max);
    pass.kernels.add(of_blocks[i].target_logit, target_logit);  // zero but in one block
  }
  Event targets_summed;
  if (pass.tensor != nullptr) {
    targets_summed = pass.tensor->all_reduce(target_logit, ReduceOp::sum, "loss");
    wait_exposed(pass.tensor->all_reduce(max, ReduceOp::max, "loss"), pass.timer);
  }
  std::vector<Tensor> sums;
  for (const Statistics& block : of_blocks) {
    wide ? rebase_sums<double>(block.max, max, block.sum) : rebase_sums<float>(block.max, max, block.sum);
    sums.push_back(block.sum);
  }
  sum_blocks(pass.kernels, sums);
  if (pass.tensor != nullptr) wait_exposed(pass.tensor->all_reduce(sum, ReduceOp::sum, "loss"), pass.timer);
  wait_exposed(targets_summed, pass.timer);
  return {max, sum, target_logit};
}

std::vector<Tensor> Head::logits_in(const Tensor& workspace, int64_t num_rows) const {
  std::vector<Tensor> logits;
  for (const Block& block : blocks_) {
    logits.push_back(workspace.slice(num_rows * block.place, num_rows * block.size).reshaped({num_rows, block.size}));
  }
  return logits;
}

void Head::project(Kernels& kernels, const Tensor& normed, const Block& block, const Tensor& logits) const {
  if (!reproducible_) return kernels.linear_forward(normed, *block.prepared, {}, logits, Write::overwrite);
  kernels.linear_forward_terms(normed, *block.prepared, {0, 0, normed.shape().last()}, {}, logits, Write::overwrite);
}

void Head::partial_backward_input(Pass& pass, const std::vector<Tensor>& dlogits, int64_t begin,
                                  const Tensor& dnormed) const {
  const auto rows = [&](size_t block) { return dlogits[block].rows(begin, begin + dnormed.shape()[0]); };
  if (!reproducible_) {
    return pass.kernels.linear_backward_input(rows(0), *blocks_[0].prepared, dnormed, Write::overwrite);
  }
  const auto num_blocks = static_cast<int64_t>(blocks_.size());
  sum_blocks(pass, 0, num_blocks, dnormed, [&](int64_t index, const Tensor& to, Write write) {
    const Block& block = blocks_[static_cast<size_t>(index)];
    pass.kernels.linear_backward_input_terms(rows(static_cast<size_t>(index)), *block.prepared, {0, 0, block.size}, to,
                                             write);
  });
}

Tensor Head::forward(Pass& pass, const Tensor& x) {
  const Span span(pass.timer, Region::head_and_loss);
  Norm::Kept kept;
  const Tensor dnormed = losses_and_gradient(pass, norm_.forward(pass, x, kept));
  if (!dnormed) return {};
  const Tensor dx = pass.empty(x.shape());
  norm_.backward_at_once(pass, kept, dnormed, dx, Write::overwrite);
  pass.keep(dx);
  return {};
}

Tensor Head::losses_and_gradient(Pass& pass, const Tensor& x) {
  const GatheredRows normed(pass, x, activations_traffic);
  std::optional<SummedRows> dnormed;
  if (pass.stash != nullptr) dnormed.emplace(pass, x.shape().last(), gradients_traffic);
  const Tensor targets = pass.targets.reshaped({pass.num_tokens()});
  // Gradients of the weight are added chunk by chunk: in the same chunks in every layout, if their order matters.
  const int64_t tensor_ranks = reproducible_ || pass.tensor == nullptr ? 1 : pass.tensor->size();
  const int64_t most_rows = head_rows_per_chunk(whole_vocabulary_, tensor_ranks, pass.num_tokens());
  const Tensor workspace = pass.empty({std::min(most_rows, pass.num_tokens()) * vocabulary_}, MemoryPurpose::workspace);
  for (int64_t begin = 0; begin < pass.num_tokens(); begin += most_rows) {
    const IndexRange rows = {begin, std::min(begin + most_rows, pass.num_tokens())};
    const Tensor target = rows_of(targets, rows);
    const std::vector<Tensor> logits = logits_in(workspace, rows.size());
    multiply_chunks(pass, rows, &normed, nullptr, [&](IndexRange part) {
      for (size_t i = 0; i < blocks_.size(); ++i) {
        project(pass.kernels, rows_of(normed.rows(), part), blocks_[i],
                logits[i].rows(part.begin - begin, part.end - begin));
      }
    });
    const auto [max, sum, target_logit] = statistics(pass, logits, target);
    pass.loss_sum += pass.dtype == DType::f64 ? sum_losses<double>(target, max, sum, target_logit)
                                              : sum_losses<float>(target, max, sum, target_logit);
    if (!dnormed) continue;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      pass.kernels.cross_entropy_gradient(logits[i], target, blocks_[i].first_token, blocks_[i].size, max, sum,
                                          pass.loss_scale);
    }
    multiply_chunks(pass, rows, nullptr, &*dnormed, [&](IndexRange part) {
      partial_backward_input(pass, logits, part.begin - begin, rows_of(dnormed->rows(), part));
    });
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const Block& block = blocks_[i];
      pass.kernels.linear_backward_weight(rows_of(normed.rows(), rows), logits[i],
                                          weight_->gradient.rows(block.place, block.place + block.size), {});
    }
  }
  return dnormed ? dnormed->sum() : Tensor();
}

Tensor Head::backward(Pass& pass, const Tensor&) { return pass.stash->pop(); }

Tensor Head::logits(Pass& pass, const Tensor& x) const {
  const Tensor shard = pass.empty(x.shape(), MemoryPurpose::workspace);
  norm_.apply(pass, x, shard);
  const Tensor normed = GatheredRows(pass, shard, activations_traffic).all();
  const int64_t num_rows = normed.shape()[0];
  const std::vector<Tensor> logits =
      logits_in(pass.empty({num_rows * vocabulary_}, MemoryPurpose::workspace), num_rows);
  for (size_t i = 0; i < blocks_.size(); ++i) project(pass.kernels, normed, blocks_[i], logits[i]);
  if (pass.tensor == nullptr && blocks_.size() == 1) return logits[0];
  // Each rank's columns beside zeros: parts of uneven sizes need no other verb than the sum.
  const Tensor whole = pass.empty({num_rows, whole_vocabulary_}, MemoryPurpose::workspace);
  fill_zero(whole);
  const size_t element = size_of(pass.dtype);
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const size_t width = static_cast<size_t>(blocks_[i].size) * element;
    for (int64_t row = 0; row < num_rows; ++row) {
      const auto place = static_cast<size_t>(row * whole_vocabulary_ + blocks_[i].first_token) * element;
      std::memcpy(static_cast<char*>(whole.raw()) + place,
                  static_cast<const char*>(logits[i].raw()) + static_cast<size_t>(row) * width, width);
    }
  }
  if (pass.tensor == nullptr) return whole;
  pass.tensor->all_reduce(whole, ReduceOp::sum, "logits").wait();
  return whole;
}

}  // namespace kumiko
