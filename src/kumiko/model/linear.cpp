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
  num_outputs_ = num_columns_ = weight_->shape[0];
  if (!tensor.reproducible()) return;
  blocks_ = blocks_of(tensor, options);
  if (cut_inputs) return;
  places_ = places_of(tensor, options);
  num_columns_ = places_.back().first_column + places_.back().num_columns;
}

std::vector<OutputPlace> Linear::places_of(const TensorParallel& tensor, const LinearOptions& options) {
  std::vector<OutputPlace> places;
  OutputPlace place;
  for (const LinearOutput& output : options.outputs) {
    place.first_row += place.num_rows;
    place.first_column += place.num_columns;
    place.num_rows = tensor.share(output.size, output.granule).size();
    place.num_columns = tensor.size_of_blocks(output.size, output.granule);
    place.granule = output.granule;
    places.push_back(place);
  }
  return places;
}

std::vector<std::vector<ProductTerms>> Linear::blocks_of(const TensorParallel& tensor, const LinearOptions& options) {
  std::vector<std::vector<ProductTerms>> blocks(static_cast<size_t>(tensor.num_blocks()));
  const auto add = [&](int64_t size, int64_t granule, int64_t first_column, int64_t first_row) {
    const int64_t begin = tensor.share(size, granule).begin;
    for (size_t block = 0; block < blocks.size(); ++block) {
      const IndexRange range = tensor.block(static_cast<int64_t>(block)).share(size, granule);
      blocks[block].push_back({first_column, first_row + range.begin - begin, range.size()});
      first_column += range.size();
    }
  };
  if (options.split == LinearSplit::inputs) {
    add(options.num_inputs, options.input_granule, 0, 0);
    return blocks;
  }
  const std::vector<OutputPlace> places = places_of(tensor, options);
  for (size_t i = 0; i < places.size(); ++i) {
    add(options.outputs[i].size, options.outputs[i].granule, places[i].first_column, places[i].first_row);
  }
  return blocks;
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

void Linear::partial_forward(Pass& pass, const Tensor& x, const Tensor& y) const {
  if (!reproducible()) return pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::overwrite);
  const auto num_blocks = static_cast<int64_t>(blocks_.size());
  sum_blocks(pass, 0, num_blocks, y, [&](int64_t block, const Tensor& to, Write write) {
    const ProductTerms& terms = blocks_[static_cast<size_t>(block)].front();
    pass.kernels.linear_forward_terms(x, *prepared_, terms, block == 0 ? bias() : Tensor(), to, write);
  });
}

void Linear::forward_onto(Pass& pass, const Tensor& x, const DropoutMask& mask, const Tensor& y) const {
  if (mask.probability == 0 && pass.tensor == nullptr && !reproducible()) {
    pass.kernels.linear_forward(x, *prepared_, bias(), y, Write::accumulate);
    return;
  }
  SummedRows branch(pass, num_outputs_, activations_traffic);
  multiply_chunks(pass, nullptr, &branch,
                  [&](IndexRange rows) { partial_forward(pass, rows_of(x, rows), rows_of(branch.rows(), rows)); });
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
  multiply_chunks(pass, nullptr, &dx,
                  [&](IndexRange rows) { partial_backward_input(pass, rows_of(dy, rows), rows_of(dx.rows(), rows)); });
  add_weight_work(pass, dy, std::move(whole_x));
  return dx.sum();
}

void Linear::partial_backward_input(Pass& pass, const Tensor& dy, const Tensor& dx) const {
  if (!reproducible()) return pass.kernels.linear_backward_input(dy, *prepared_, dx, Write::overwrite);
  const auto num_blocks = static_cast<int64_t>(blocks_.size());
  sum_blocks(pass, 0, num_blocks, dx, [&](int64_t block, const Tensor& to, Write write) {
    const std::vector<ProductTerms>& outputs = blocks_[static_cast<size_t>(block)];
    // Several outputs are summed before they are added.
    const bool apart = write == Write::accumulate && outputs.size() > 1;
    const Tensor sum = apart ? pass.empty(to.shape(), MemoryPurpose::workspace) : to;
    for (const ProductTerms& terms : outputs) {
      const Write first = apart ? Write::overwrite : write;
      pass.kernels.linear_backward_input_terms(dy, *prepared_, terms, sum,
                                               &terms == &outputs.front() ? first : Write::accumulate);
    }
    if (apart) pass.kernels.add(sum, to);
  });
}

void Linear::add_weight_work(Pass& pass, const Tensor& dy, LinearInput x) const {
  if (has_copies()) {
    pass.weight_work->add([this, &kernels = pass.kernels, &pool = pass.pool, x = std::move(x), dy] {
      const DType type = weight_->gradient.dtype();
      const auto zeros = [&](Shape shape) { return Tensor::zeros(pool, shape, type, MemoryPurpose::workspace); };
      const Tensor columns = zeros({num_columns_, num_inputs_});
      const Tensor bias_columns = bias_ == nullptr ? Tensor() : zeros({num_columns_});
      kernels.linear_backward_weight(x(), dy, columns, bias_columns);
      add_columns(kernels, places_, columns, weight_->gradient);
      if (bias_ != nullptr) add_columns(kernels, places_, bias_columns, bias_->gradient);
    });
    return;
  }
  pass.weight_work->add([this, &kernels = pass.kernels, x = std::move(x), dy] {
    kernels.linear_backward_weight(x(), dy, weight_->gradient, bias_gradient());
  });
}

}  // namespace kumiko
